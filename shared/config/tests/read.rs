//! The settings that functions read, and the values that prevent their start.
#![cfg(test)]

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use latchkey_config::{ConfigError, Environment, FUNCTIONS, SECTIONS, check, variables_of};
use latchkey_guard::RevocationCheck;
use latchkey_password::HashParams;
use latchkey_store::KeyLocation;
use latchkey_token::Algorithm;

/// The required variables.
const REQUIRED: [(&str, &str); 6] = [
    ("USERS_TABLE", "users"),
    ("WORK_ITEMS_TABLE", "items"),
    ("LIMITS_TABLE", "limits"),
    ("JWT_ISSUER", "https://auth.example.com"),
    ("KEYS_TABLE", "keys"),
    ("KMS_KEY_ARN", "arn:aws:kms:eu-west-1:123456789012:key/1"),
];

fn environment<'a>(changed: &[(&'a str, &'a str)]) -> Environment<'a> {
    let mut values: HashMap<&str, &str> = REQUIRED.into();
    values.extend(changed.iter().copied());
    Environment::new(move |name| values.get(name).map(|value| (*value).to_owned()))
}

fn read(function: &str, changed: &[(&str, &str)]) -> Result<(), ConfigError> {
    check(function, &environment(changed))
}

fn login(changed: &[(&str, &str)]) -> Result<(), ConfigError> {
    read("login", changed)
}

fn message<T>(read: Result<T, ConfigError>) -> String {
    read.err().expect("the value is refused").to_string()
}

#[test]
fn each_variable_is_described_once_and_read_by_a_function() {
    let described = SECTIONS.iter().flat_map(|(_, variables)| *variables);
    let described: Vec<_> = described.map(|variable| variable.name).collect();
    let names: BTreeSet<_> = described.iter().copied().collect();
    assert_eq!(names.len(), described.len());
    let read: BTreeSet<_> =
        FUNCTIONS.into_iter().flat_map(|(function, _)| variables_of(function)).collect();
    assert_eq!(read, names);
    assert_eq!(variables_of("unknown"), BTreeSet::new());
}

#[test]
fn variables_of_lists_all_variables_that_a_function_reads() {
    for (function, variables) in [
        (
            "admin",
            &[
                "JWT_ACCESS_TOKEN_EXPIRES",
                "JWT_DECODE_LEEWAY",
                "JWT_REFRESH_TOKEN_EXPIRES",
                "KEYS_MAX_AGE",
                "KEYS_TABLE",
                "KEY_ROTATION_DAYS",
                "KMS_KEY_ARN",
                "LIMITS_TABLE",
                "LOG_LEVEL",
                "SIGNING_ALGORITHM",
                "USERS_TABLE",
                "WORK_ITEMS_TABLE",
            ][..],
        ),
        (
            "signup",
            &[
                "ARGON2_ITERATIONS",
                "ARGON2_MEMORY_KIB",
                "AWS_CALL_TIMEOUT_MS",
                "BASE_PATH",
                "EDGE_SECRET_SHA256",
                "JWT_ERROR_MESSAGE_KEY",
                "JWT_ISSUER",
                "LIMITS_TABLE",
                "LOG_LEVEL",
                "PASSWORD_MIN_LENGTH",
                "SIGNUP_LIMIT_ADDRESS",
                "SIGNUP_MODE",
                "TRUSTED_EDGE",
                "USERS_TABLE",
            ],
        ),
    ] {
        assert_eq!(variables_of(function), variables.iter().copied().collect(), "{function}");
    }
    let [login, protected] = ["login", "protected"].map(variables_of);
    for signs in ["KMS_KEY_ARN", "SIGNING_ALGORITHM", "SESSION_LIMIT"] {
        assert!(login.contains(signs) && !protected.contains(signs), "{signs}");
    }
    for verifies in ["JWT_PUBLIC_KEY", "LEGACY_TABLE", "JWT_REVOCATION_CHECK"] {
        assert!(protected.contains(verifies) && !login.contains(verifies), "{verifies}");
    }
}

#[test]
fn unset_variables_have_their_default() {
    let unset = environment(&[]);
    let (tokens, sessions) = (unset.tokens().unwrap(), unset.sessions().unwrap());
    assert_eq!(tokens.audience, tokens.issuer);
    assert_eq!(tokens.access_lifetime, Duration::from_mins(15));
    assert_eq!(tokens.refresh_lifetime, Duration::from_hours(30 * 24));
    assert_eq!(tokens.leeway, Duration::ZERO);
    assert_eq!(sessions.lifetimes.idle, Duration::from_hours(30 * 24));
    assert_eq!(sessions.lifetimes.absolute, Duration::from_hours(90 * 24));
    assert_eq!(sessions.limit, 20);
    assert_eq!(unset.hashing(HashParams::new), Ok(HashParams::default()));
    assert_eq!(unset.password_min_chars(), Ok(8));
    let guard = unset.guard().unwrap();
    assert_eq!(guard.revocation, RevocationCheck::Strict);
    let rotation = unset.rotation().unwrap();
    assert_eq!(rotation.grace, Duration::from_secs(30));
    assert_eq!(rotation.lifetimes, sessions.lifetimes);
}

#[test]
fn set_variables_take_effect() {
    let set = environment(&[
        ("JWT_AUDIENCE", "api"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "60"),
        ("JWT_REFRESH_TOKEN_EXPIRES", "120"),
        ("JWT_DECODE_LEEWAY", "5"),
        ("SESSION_LIFETIME", "240"),
        ("SESSION_LIMIT", "2"),
        ("ARGON2_MEMORY_KIB", "12288"),
        ("ARGON2_ITERATIONS", "3"),
    ]);
    let (tokens, sessions) = (set.tokens().unwrap(), set.sessions().unwrap());
    assert_eq!(tokens.audience, "api");
    assert_eq!(tokens.access_lifetime, Duration::from_mins(1));
    assert_eq!(tokens.refresh_lifetime, Duration::from_mins(2));
    assert_eq!(tokens.leeway, Duration::from_secs(5));
    assert_eq!(sessions.lifetimes.absolute, Duration::from_mins(4));
    assert_eq!((sessions.lifetimes.idle, sessions.limit), (Duration::from_mins(2), 2));
    assert_eq!(set.hashing(HashParams::new), Ok(HashParams::new(12_288, 3).unwrap()));
}

#[test]
fn an_audience_that_is_reserved_for_other_tokens_is_refused() {
    let issuer = environment(&[]).issuer().unwrap();
    let reason = "must not be an issuer followed by #, which marks tokens of other kinds";
    for purpose in ["refresh", "mfa", ""] {
        let audience = format!("{issuer}#{purpose}");
        for variable in ["JWT_AUDIENCE", "JWT_DECODE_AUDIENCE"] {
            let refused = login(&[(variable, &audience)]);
            assert_eq!(message(refused), format!("{variable} {reason}"));
        }
        let other = ("JWT_DECODE_ISSUER", "https://old.example.com");
        let audience = format!("{}#{purpose}", other.1);
        assert_eq!(
            message(login(&[other, ("JWT_AUDIENCE", &audience)])),
            format!("JWT_AUDIENCE {reason}")
        );
    }
    assert_eq!(login(&[("JWT_AUDIENCE", "https://api.example.com#refresh")]), Ok(()));
}

#[test]
fn a_missing_variable_is_named() {
    for (name, _) in REQUIRED.into_iter().filter(|(name, _)| *name != "WORK_ITEMS_TABLE") {
        assert_eq!(message(login(&[(name, "")])), format!("{name} is not set"));
    }
    let verifier = read("logout", &[("KEYS_TABLE", "")]);
    assert_eq!(message(verifier), "KEYS_TABLE is not set");
    let items = read("workitems", &[("WORK_ITEMS_TABLE", "")]);
    assert_eq!(message(items), "WORK_ITEMS_TABLE is not set");
}

#[test]
fn a_value_out_of_bounds_is_named_with_its_bounds() {
    for (name, values, bounds) in [
        ("JWT_ACCESS_TOKEN_EXPIRES", ["0", "86401", "-1", "15m", "False"], "1 to 86400"),
        (
            "JWT_REFRESH_TOKEN_EXPIRES",
            ["0", "34560001", "1e3", " 5", "9".repeat(30).leak()],
            "1 to 34560000",
        ),
        ("JWT_DECODE_LEEWAY", ["301", "-1", "x", "1.5", "+ 1"], "0 to 300"),
        ("SESSION_LIMIT", ["0", "101", "-1", "x", "1.5"], "1 to 100"),
    ] {
        for value in values {
            let expected = format!("{name} must be a whole number from {bounds}");
            assert_eq!(message(login(&[(name, value)])), expected, "{value}");
        }
    }
    let short = read("signup", &[("PASSWORD_MIN_LENGTH", "7")]);
    assert_eq!(message(short), "PASSWORD_MIN_LENGTH must be a whole number from 8 to 64");
    let weak = environment(&[("ARGON2_MEMORY_KIB", "1024")]).hashing(HashParams::new);
    let weak = message(weak);
    assert!(
        weak.starts_with("ARGON2_MEMORY_KIB and ARGON2_ITERATIONS are out of bounds"),
        "{weak}"
    );
    for grace in ["-1", "301", "soon"] {
        let invalid = read("refresh", &[("REFRESH_GRACE", grace)]);
        assert_eq!(message(invalid), "REFRESH_GRACE must be a whole number from 0 to 300");
    }
}

#[test]
fn the_revocation_check_is_strict_cached_or_off() {
    let read =
        |text| environment(&[("JWT_REVOCATION_CHECK", text)]).guard().map(|guard| guard.revocation);
    assert_eq!(read("strict"), Ok(RevocationCheck::Strict));
    assert_eq!(read("off"), Ok(RevocationCheck::Off));
    assert_eq!(read("cached:1"), Ok(RevocationCheck::Cached(Duration::from_secs(1))));
    assert_eq!(read("cached:3600"), Ok(RevocationCheck::Cached(Duration::from_hours(1))));
    for invalid in
        ["sometimes", "cached", "cached:", "cached:0", "cached:3601", "cached:-1", "off:1"]
    {
        let refused = message(read(invalid));
        assert_eq!(
            refused,
            "JWT_REVOCATION_CHECK must be strict, off, or cached:<seconds> with 1 to 3600"
        );
    }
}

#[test]
fn keys_come_from_one_source() {
    let secret = ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef");
    let jwk_set = (
        "SIGNING_KEYS",
        r#"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#,
    );
    let no_ring = ("KEYS_TABLE", "");
    assert!(matches!(
        environment(&[]).signing_keys(None).unwrap().location,
        KeyLocation::Ring { .. }
    ));
    assert!(matches!(
        environment(&[no_ring, jwk_set]).signing_keys(None).unwrap().location,
        KeyLocation::Static(_)
    ));
    assert!(matches!(
        environment(&[no_ring, secret]).signing_keys(None).unwrap().location,
        KeyLocation::Static(_)
    ));
    for both in [&[jwk_set][..], &[secret], &[no_ring, jwk_set, secret], &[jwk_set, secret]] {
        let refused = message(login(both));
        assert!(refused.ends_with("are both set, set one of them"), "{refused}");
    }
}

#[test]
fn the_algorithm_can_be_pinned() {
    let secret = [("KEYS_TABLE", ""), ("SIGNING_KEYS_SECRET", "arn"), ("JWT_ALGORITHM", "ES256")];
    let location = environment(&secret).signing_keys(None).unwrap().location;
    let is_pinned =
        matches!(location, KeyLocation::Secret { algorithm: Some(Algorithm::Es256), .. });
    assert!(is_pinned, "{location:?}");
    for name in ["none", "es256", "RS257"] {
        let refused = message(login(&[("JWT_ALGORITHM", name)]));
        assert_eq!(
            refused,
            "JWT_ALGORITHM must be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, \
             PS512, HS256, HS384, HS512"
        );
    }
}

#[test]
fn debug_output_has_no_secret() {
    for secret in ["hunter2", "hunter2hunter2hunter2hunter2hunter2"] {
        let keys =
            environment(&[("KEYS_TABLE", ""), ("JWT_SECRET_KEY", secret)]).signing_keys(None);
        assert!(!format!("{keys:?}").contains("hunter2"));
    }
}

#[test]
fn an_edge_has_a_header_and_one_or_two_secrets() {
    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(environment(&[]).edge().unwrap(), None);
    let upper = HASH.to_uppercase();
    let two = format!("{HASH}, {upper}");
    for (edge, is_required) in [("X-Client-IP", false), ("x-client-ip,required", true)] {
        for (hashes, count) in [(HASH, 1), (upper.as_str(), 1), (two.as_str(), 2)] {
            let changed = [("TRUSTED_EDGE", edge), ("EDGE_SECRET_SHA256", hashes)];
            let edge = environment(&changed).edge().unwrap().unwrap();
            assert_eq!(edge.address_header, "x-client-ip");
            assert_eq!((edge.is_required, edge.secret_hashes.len()), (is_required, count));
            assert!(edge.has_secret(b"") && !edge.has_secret(HASH.as_bytes()));
        }
    }
}
