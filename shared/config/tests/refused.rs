//! Invalid values of every variable: the error is one sentence that names the variable.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use latchkey_config::{ConfigError, Environment, FUNCTIONS, check, variables_of};
use latchkey_password::HashParams;

const SECRET_OF_32_BYTES: &str = "0123456789abcdef0123456789abcdef";

type Change<'a> = &'a [(&'a str, &'a str)];

/// Checks a function with the deployed settings and the changes.
fn read(function: &str, changed: Change<'_>) -> Result<(), ConfigError> {
    let signs = ["login", "password", "refresh"].contains(&function);
    let mut values = BTreeMap::from([
        ("USERS_TABLE", "users"),
        ("WORK_ITEMS_TABLE", "items"),
        ("LIMITS_TABLE", "limits"),
        ("JWT_ISSUER", "https://auth.example.com"),
    ]);
    values.insert("KEYS_TABLE", "keys");
    if signs || function == "admin" {
        values.insert("KMS_KEY_ARN", "arn:keys");
    }
    values.extend(changed.iter().copied());
    let environment = Environment::new(|name| values.get(name).map(|value| (*value).to_owned()));
    check(function, &environment)?;
    environment.hashing(HashParams::new).map(drop)
}

/// A variable, and settings with an invalid value of it.
const BAD: [(&str, Change<'_>); 81] = [
    ("ALLOWED_ORIGINS", &[("ALLOWED_ORIGINS", "https://app.example.com/")]),
    ("ARGON2_ITERATIONS", &[("ARGON2_ITERATIONS", "0")]),
    ("ARGON2_ITERATIONS", &[("ARGON2_ITERATIONS", "17")]),
    ("ARGON2_ITERATIONS", &[("ARGON2_ITERATIONS", "two")]),
    ("ARGON2_MEMORY_KIB", &[("ARGON2_MEMORY_KIB", "1024")]),
    ("ARGON2_MEMORY_KIB", &[("ARGON2_MEMORY_KIB", "4294967296")]),
    ("AWS_CALL_TIMEOUT_MS", &[("AWS_CALL_TIMEOUT_MS", "99")]),
    ("BASE_PATH", &[("BASE_PATH", "auth")]),
    ("BASE_PATH", &[("BASE_PATH", "/auth/")]),
    ("EDGE_SECRET_SHA256", &[("EDGE_SECRET_SHA256", HASH)]),
    ("EDGE_SECRET_SHA256", &[("TRUSTED_EDGE", "X-Client-IP")]),
    ("EDGE_SECRET_SHA256", &[("TRUSTED_EDGE", "X-Client-IP"), ("EDGE_SECRET_SHA256", "secret")]),
    (
        "EDGE_SECRET_SHA256",
        &[("TRUSTED_EDGE", "X-Client-IP"), ("EDGE_SECRET_SHA256", THREE_HASHES)],
    ),
    ("FLASK_JWT_LOGIN", &[("FLASK_JWT_LOGIN", "off")]),
    ("FLASK_KEYS_SECRET", &[("JWT_SECRET_KEY", SECRET_OF_32_BYTES), ("FLASK_KEYS_SECRET", "arn")]),
    ("JWT_ACCESS_COOKIE_NAME", &[("JWT_ACCESS_COOKIE_NAME", "a b")]),
    ("JWT_ACCESS_COOKIE_PATH", &[("JWT_ACCESS_COOKIE_PATH", "api")]),
    ("JWT_ACCESS_CSRF_COOKIE_NAME", &[("JWT_ACCESS_CSRF_COOKIE_NAME", "a=b")]),
    ("JWT_ACCESS_CSRF_COOKIE_PATH", &[("JWT_ACCESS_CSRF_COOKIE_PATH", "/;")]),
    ("JWT_ACCESS_CSRF_HEADER_NAME", &[("JWT_ACCESS_CSRF_HEADER_NAME", "a b")]),
    ("JWT_ACCESS_TOKEN_EXPIRES", &[("JWT_ACCESS_TOKEN_EXPIRES", "0")]),
    ("JWT_ACCESS_TOKEN_EXPIRES", &[("JWT_ACCESS_TOKEN_EXPIRES", "86401")]),
    ("JWT_ALGORITHM", &[("JWT_ALGORITHM", "ES512")]),
    ("JWT_ALGORITHM", &[("JWT_ALGORITHM", "ES256"), ("JWT_SECRET_KEY", SECRET_OF_32_BYTES)]),
    ("JWT_ALGORITHM", &[("JWT_ALGORITHM", "HS256"), ("JWT_PRIVATE_KEY", "x")]),
    ("JWT_ALGORITHM", &[("JWT_ALGORITHM", "ES256"), ("SIGNING_KEYS", HMAC_SET)]),
    ("JWT_AUDIENCE", &[("JWT_AUDIENCE", "https://auth.example.com#refresh")]),
    ("JWT_COOKIE_DOMAIN", &[("JWT_COOKIE_DOMAIN", "example.com;")]),
    ("JWT_COOKIE_DOMAIN", &[("JWT_COOKIE_DOMAIN", "example.com")]),
    ("JWT_COOKIE_SAMESITE", &[("JWT_COOKIE_SAMESITE", "no")]),
    ("JWT_COOKIE_SECURE", &[("JWT_COOKIE_SECURE", "yes")]),
    ("JWT_CSRF_IN_COOKIES", &[("JWT_CSRF_IN_COOKIES", "1")]),
    ("JWT_DECODE_AUDIENCE", &[("JWT_DECODE_AUDIENCE", "https://auth.example.com#mfa")]),
    ("JWT_DECODE_LEEWAY", &[("JWT_DECODE_LEEWAY", "-1")]),
    ("JWT_DECODE_LEEWAY", &[("JWT_DECODE_LEEWAY", "301")]),
    ("JWT_ERROR_MESSAGE_KEY", &[("JWT_ERROR_MESSAGE_KEY", "error")]),
    ("JWT_HEADER_NAME", &[("JWT_HEADER_NAME", "a:b")]),
    ("JWT_HEADER_TYPE", &[("JWT_HEADER_TYPE", "a b")]),
    ("JWT_ISSUER", &[("JWT_ISSUER", "")]),
    ("JWT_PRIVATE_KEY", &[("JWT_PRIVATE_KEY", "no key")]),
    ("JWT_PRIVATE_KEY", &[("JWT_PRIVATE_KEY", PUBLIC_ES256), ("JWT_ALGORITHM", "ES256")]),
    ("JWT_PUBLIC_KEY", &[("JWT_PUBLIC_KEY", "no key")]),
    ("JWT_PUBLIC_KEY", &[("JWT_PUBLIC_KEY", PUBLIC_ES256), ("JWT_ALGORITHM", "RS256")]),
    ("JWT_REFRESH_COOKIE_NAME", &[("JWT_REFRESH_COOKIE_NAME", "a;b")]),
    ("JWT_REFRESH_COOKIE_PATH", &[("JWT_REFRESH_COOKIE_PATH", "/refresh")]),
    ("JWT_REFRESH_CSRF_COOKIE_NAME", &[("JWT_REFRESH_CSRF_COOKIE_NAME", "a,b")]),
    ("JWT_REFRESH_CSRF_COOKIE_PATH", &[("JWT_REFRESH_CSRF_COOKIE_PATH", "x")]),
    ("JWT_REFRESH_CSRF_HEADER_NAME", &[("JWT_REFRESH_CSRF_HEADER_NAME", "é")]),
    ("JWT_REFRESH_TOKEN_EXPIRES", &[("JWT_REFRESH_TOKEN_EXPIRES", "34560001")]),
    ("JWT_REVOCATION_CHECK", &[("JWT_REVOCATION_CHECK", "cached:0")]),
    ("JWT_REVOCATION_CHECK", &[("JWT_REVOCATION_CHECK", "Strict")]),
    ("JWT_SECRET_KEY", &[("JWT_SECRET_KEY", "short")]),
    ("JWT_SECRET_KEY", &[("JWT_SECRET_KEY", SECRET_OF_32_BYTES), ("JWT_ALGORITHM", "HS384")]),
    ("JWT_SESSION_COOKIE", &[("JWT_SESSION_COOKIE", "on")]),
    ("JWT_TOKEN_LOCATION", &[("JWT_TOKEN_LOCATION", "header")]),
    ("KEYS_MAX_AGE", &[("KEYS_MAX_AGE", "3601")]),
    ("KEY_ROTATION_DAYS", &[("KEY_ROTATION_DAYS", "8")]),
    ("KMS_KEY_ARN", &[("KMS_KEY_ARN", "")]),
    ("KEYS_TABLE", &[("KEYS_TABLE", "")]),
    ("LIMITS_TABLE", &[("LIMITS_TABLE", "")]),
    ("LOG_LEVEL", &[("LOG_LEVEL", "loud")]),
    ("LOGIN_LIMIT_ACCOUNT", &[("LOGIN_LIMIT_ACCOUNT", "0/90")]),
    ("LOGIN_LIMIT_ADDRESS", &[("LOGIN_LIMIT_ADDRESS", "30")]),
    ("SIGNUP_LIMIT_ADDRESS", &[("SIGNUP_LIMIT_ADDRESS", "20/86401")]),
    ("SIGNUP_MODE", &[("SIGNUP_MODE", "Open")]),
    ("PASSWORD_MIN_LENGTH", &[("PASSWORD_MIN_LENGTH", "7")]),
    ("PASSWORD_MIN_LENGTH", &[("PASSWORD_MIN_LENGTH", "65")]),
    ("REFRESH_GRACE", &[("REFRESH_GRACE", "301")]),
    ("SESSION_LIFETIME", &[("SESSION_LIFETIME", "0")]),
    ("SESSION_LIMIT", &[("SESSION_LIMIT", "101")]),
    ("SESSION_LIMIT", &[("SESSION_LIMIT", "0")]),
    ("SIGNING_ALGORITHM", &[("SIGNING_ALGORITHM", "HS256")]),
    ("SIGNING_KEYS", &[("SIGNING_KEYS", "{}")]),
    ("SIGNING_KEYS", &[("SIGNING_KEYS", r#"{"keys":[]}"#)]),
    ("SIGNING_KEYS", &[("SIGNING_KEYS", "not JSON")]),
    ("SIGNING_KEYS", &[("SIGNING_KEYS", r#"{"keys":[{"kty":"oct","k":"YQ"}]}"#)]),
    ("SIGNING_KEYS_SECRET", &[("SIGNING_KEYS_SECRET", "arn"), ("SIGNING_KEYS", "{}")]),
    ("TRUSTED_EDGE", &[("TRUSTED_EDGE", "X Client"), ("EDGE_SECRET_SHA256", HASH)]),
    ("TRUSTED_EDGE", &[("TRUSTED_EDGE", "X-Client-IP,always"), ("EDGE_SECRET_SHA256", HASH)]),
    ("USERS_TABLE", &[("USERS_TABLE", "")]),
    ("WORK_ITEMS_TABLE", &[("WORK_ITEMS_TABLE", "")]),
];

/// SHA-256 of the empty text.
const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const THREE_HASHES: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,\
     e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,\
     e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const HMAC_SET: &str = r#"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#;

const PUBLIC_ES256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAExbosbmtVb3CBC9JJB/PS66sHSttK
lO1zHDcMJwXRsGG1hip581AagWXvWUeXwD2BrTvxWP5O99W7M/EqE5jGTg==
-----END PUBLIC KEY-----
";

/// Variables that accept any text.
const ANY_TEXT: [&str; 6] = [
    "JWT_DECODE_ISSUER",
    "JWT_JSON_KEY",
    "JWT_QUERY_STRING_NAME",
    "JWT_QUERY_STRING_VALUE_PREFIX",
    "JWT_REFRESH_JSON_KEY",
    "LEGACY_TABLE",
];

/// The changes, without the deployed key ring if they configure other keys.
fn replacing_keys(changed: Change<'_>) -> Vec<(&str, &str)> {
    let sources = ["SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"];
    let has_keys = changed.iter().any(|(name, _)| sources.contains(name));
    let without_ring: Change<'_> = &[("KEYS_TABLE", ""), ("KMS_KEY_ARN", "")];
    [if has_keys { without_ring } else { &[] }, changed].concat()
}

#[test]
fn each_function_accepts_its_deployed_settings() {
    for (function, _) in FUNCTIONS {
        assert_eq!(read(function, &[]), Ok(()), "{function}");
    }
}

#[test]
fn the_error_for_an_invalid_value_is_one_sentence_that_names_the_variable() {
    for (function, _) in FUNCTIONS {
        let mut refused = BTreeSet::from(ANY_TEXT);
        for (variable, changed) in BAD {
            let read_here = variables_of(function);
            if changed.iter().any(|(name, _)| !read_here.contains(name)) {
                continue;
            }
            let Err(error) = read(function, &replacing_keys(changed)) else {
                panic!("{function} accepts {changed:?}");
            };
            let sentence = error.to_string();
            assert!(sentence.contains(variable), "{function}: {changed:?}: {sentence}");
            assert!(!sentence.contains('\n'), "{function}: {sentence}");
            refused.insert(variable);
        }
        let untested: Vec<_> = variables_of(function)
            .into_iter()
            .filter(|variable| !refused.contains(variable))
            .collect();
        assert!(untested.is_empty(), "{function}: no invalid value of {untested:?}");
    }
}

#[test]
fn the_error_for_an_invalid_key_names_the_reason() {
    let sentence = |function: &str, changed: Change<'_>| {
        let without_ring = [("KEYS_TABLE", ""), ("KMS_KEY_ARN", "")];
        read(function, &[&without_ring, changed].concat()).unwrap_err().to_string()
    };
    for function in ["login", "protected"] {
        let short = [("JWT_SECRET_KEY", "short"), ("JWT_ALGORITHM", "HS256")];
        assert_eq!(
            sentence(function, &short),
            "JWT_SECRET_KEY: HS256 needs a secret of at least 32 bytes, got 5"
        );
        assert_eq!(
            sentence(function, &[("JWT_PRIVATE_KEY", "x")]),
            "JWT_PRIVATE_KEY: not a PEM key for ES256, the default of JWT_ALGORITHM"
        );
        assert_eq!(
            sentence(function, &[("JWT_PRIVATE_KEY", "x"), ("JWT_ALGORITHM", "RS256")]),
            "JWT_PRIVATE_KEY: not a PEM key for RS256"
        );
        assert_eq!(
            sentence(function, &[("SIGNING_KEYS", HMAC_SET), ("JWT_ALGORITHM", "HS384")]),
            "JWT_ALGORITHM is HS384, and the first key of SIGNING_KEYS is for HS256"
        );
        let secret = [("JWT_SECRET_KEY", SECRET_OF_32_BYTES), ("JWT_ALGORITHM", "RS256")];
        assert_eq!(
            sentence(function, &secret),
            "JWT_ALGORITHM must be one of HS256, HS384, HS512 where JWT_SECRET_KEY is set"
        );
    }
}

#[test]
fn an_origin_of_any_scheme_is_accepted_as_browsers_serialize_it() {
    let origins = |text| read("login", &[("ALLOWED_ORIGINS", text)]);
    for origin in [
        "https://app.example.com",
        "http://localhost:8080",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "https://[2001:db8::1]",
        "https://xn--bcher-kva.example",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "*",
        "https://a.example, capacitor://localhost",
    ] {
        assert_eq!(origins(origin), Ok(()), "{origin}");
    }
    for origin in [
        "https://app.example.com/",
        "capacitor://localhost/",
        "https://app.example.com/path",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:",
        "https://app.example.com:0",
        "https://app.example.com:65536",
        "https://app.example.com:0443",
        "https://user@app.example.com",
        "https://*.example.com",
        "https://*",
        "https://bücher.example",
        "https://",
        "//app.example.com",
        "app.example.com",
        "1app://localhost",
        "null",
        "https://[::1",
    ] {
        let sentence = origins(origin).expect_err(origin).to_string();
        assert!(sentence.starts_with("ALLOWED_ORIGINS must be a list of origins"), "{sentence}");
    }
}
