//! Token locations, configured with the option names of Flask-JWT-Extended.
#![cfg(test)]

use std::collections::HashMap;

use latchkey_config::{ConfigError, Environment, check};
use latchkey_guard::{SameSite, TokenLocation, TokenLocations};
use latchkey_store::KeyLocation;
use latchkey_token::{Algorithm, VerifyingKey};

fn environment(changed: &[(&'static str, &str)]) -> Environment<'static> {
    let mut values: HashMap<&str, String> = [
        ("USERS_TABLE", "users".to_owned()),
        ("JWT_ISSUER", "https://auth.example.com".to_owned()),
        ("KEYS_TABLE", "keys".to_owned()),
    ]
    .into();
    values.extend(changed.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Environment::new(move |name| values.get(name).cloned())
}

fn locations(changed: &[(&'static str, &str)]) -> TokenLocations {
    environment(changed).locations().unwrap()
}

fn logout(changed: &[(&'static str, &str)]) -> Result<(), ConfigError> {
    check("logout", &environment(changed))
}

fn message(changed: &[(&'static str, &str)]) -> String {
    logout(changed).err().unwrap_or_else(|| panic!("{changed:?} is refused")).to_string()
}

#[test]
fn by_default_tokens_are_in_the_authorization_header() {
    assert_eq!(locations(&[]), TokenLocations::default());
}

#[test]
fn every_flask_option_configures_its_setting() {
    let options = [
        ("JWT_TOKEN_LOCATION", "cookies, json,query_string,headers"),
        ("JWT_HEADER_NAME", "X-Auth"),
        ("JWT_HEADER_TYPE", "none"),
        ("JWT_QUERY_STRING_NAME", "tk"),
        ("JWT_QUERY_STRING_VALUE_PREFIX", "Bearer "),
        ("JWT_JSON_KEY", "a"),
        ("JWT_REFRESH_JSON_KEY", "r"),
        ("JWT_ACCESS_COOKIE_NAME", "access_token_cookie"),
        ("JWT_ACCESS_COOKIE_PATH", "/api"),
        ("JWT_ACCESS_CSRF_COOKIE_NAME", "csrf_access_token"),
        ("JWT_ACCESS_CSRF_COOKIE_PATH", "/app"),
        ("JWT_ACCESS_CSRF_HEADER_NAME", "X-CSRF-A"),
        ("JWT_REFRESH_COOKIE_NAME", "refresh_token_cookie"),
        ("JWT_REFRESH_COOKIE_PATH", "/refresh"),
        ("JWT_REFRESH_CSRF_COOKIE_NAME", "csrf_refresh_token"),
        ("JWT_REFRESH_CSRF_COOKIE_PATH", "/app/r"),
        ("JWT_REFRESH_CSRF_HEADER_NAME", "X-CSRF-R"),
        ("JWT_COOKIE_DOMAIN", "example.com"),
        ("JWT_COOKIE_SECURE", "False"),
        ("JWT_COOKIE_SAMESITE", "Strict"),
        ("JWT_SESSION_COOKIE", "True"),
        ("JWT_CSRF_IN_COOKIES", "false"),
        ("ALLOWED_ORIGINS", "https://app.example.com, http://localhost:8080"),
    ];
    let configured = locations(&options);
    assert_eq!(
        configured.order,
        [
            TokenLocation::Cookies,
            TokenLocation::Json,
            TokenLocation::QueryString,
            TokenLocation::Headers
        ]
    );
    assert_eq!((configured.header_name.as_str(), configured.header_scheme), ("x-auth", None));
    assert_eq!((&*configured.query_name, &*configured.query_prefix), ("tk", "Bearer "));
    assert_eq!((&*configured.json_access_key, &*configured.json_refresh_key), ("a", "r"));
    let cookies = configured.cookies;
    for (pair, token, csrf, header) in [
        (
            &cookies.access,
            ("access_token_cookie", "/api"),
            ("csrf_access_token", "/app"),
            "x-csrf-a",
        ),
        (
            &cookies.refresh,
            ("refresh_token_cookie", "/refresh"),
            ("csrf_refresh_token", "/app/r"),
            "x-csrf-r",
        ),
    ] {
        assert_eq!((&*pair.token.name, &*pair.token.path), token);
        assert_eq!((&*pair.csrf.name, &*pair.csrf.path), csrf);
        assert_eq!(pair.csrf_header.as_str(), header);
    }
    assert_eq!(cookies.domain.as_deref(), Some("example.com"));
    assert_eq!((cookies.secure, cookies.same_site), (false, SameSite::Strict));
    assert!(cookies.end_with_browser && !cookies.show_csrf);
    assert_eq!(cookies.allowed_origins, ["https://app.example.com", "http://localhost:8080"]);
    let any_origin = locations(&[("ALLOWED_ORIGINS", "*")]).cookies;
    assert!(any_origin.allowed_origins.is_empty(), "no origin may use cookies");
}

#[test]
fn an_invalid_value_prevents_the_start() {
    for (variable, value) in [
        ("JWT_TOKEN_LOCATION", "header"),
        ("JWT_TOKEN_LOCATION", "headers,headers"),
        ("JWT_TOKEN_LOCATION", "Headers"),
        ("JWT_HEADER_NAME", "X Auth"),
        ("JWT_HEADER_TYPE", "Bearer token"),
        ("JWT_ACCESS_COOKIE_NAME", "a=b"),
        ("JWT_ACCESS_COOKIE_NAME", "a;b"),
        ("JWT_REFRESH_COOKIE_PATH", "refresh"),
        ("JWT_REFRESH_COOKIE_PATH", "/; Secure"),
        ("JWT_COOKIE_DOMAIN", "a b"),
        ("JWT_COOKIE_SECURE", "yes"),
        ("JWT_COOKIE_SAMESITE", "No"),
        ("JWT_SESSION_COOKIE", "0"),
        ("JWT_ACCESS_CSRF_HEADER_NAME", "a:b"),
        ("ALLOWED_ORIGINS", "app.example.com"),
        ("ALLOWED_ORIGINS", "https://app.example.com/"),
        ("ALLOWED_ORIGINS", "https://*.example.com"),
        ("JWT_ERROR_MESSAGE_KEY", "error"),
    ] {
        let refused = message(&[(variable, value)]);
        assert!(refused.starts_with(variable), "{variable}={value}: {refused}");
    }
}

#[test]
fn a_host_cookie_excludes_a_domain_a_path_and_plain_http() {
    for (variable, value) in [
        ("JWT_COOKIE_DOMAIN", "example.com"),
        ("JWT_COOKIE_SECURE", "false"),
        ("JWT_ACCESS_COOKIE_PATH", "/api"),
        ("JWT_ACCESS_CSRF_COOKIE_PATH", "/api"),
        ("JWT_REFRESH_COOKIE_PATH", "/refresh"),
        ("JWT_REFRESH_CSRF_COOKIE_PATH", "/refresh"),
    ] {
        let refused = message(&[(variable, value)]);
        assert!(refused.starts_with(variable) && refused.contains("__Host-"), "{refused}");
    }
    let plain = [
        ("JWT_ACCESS_COOKIE_NAME", "a"),
        ("JWT_ACCESS_CSRF_COOKIE_NAME", "b"),
        ("JWT_REFRESH_COOKIE_NAME", "c"),
        ("JWT_REFRESH_CSRF_COOKIE_NAME", "d"),
        ("JWT_COOKIE_SECURE", "false"),
    ];
    assert_eq!(logout(&plain), Ok(()));
    let cross_site = [&plain[..], &[("JWT_COOKIE_SAMESITE", "None")]].concat();
    assert!(message(&cross_site).contains("JWT_COOKIE_SECURE"));
    let one_name = [("JWT_REFRESH_COOKIE_NAME", "__Host-access_token")];
    assert!(message(&one_name).contains("must differ"));
}

#[test]
fn a_verifier_can_use_a_static_public_key() {
    let pem = include_str!("rsa-public.pem");
    let without_table = [("KEYS_TABLE", ""), ("JWT_PUBLIC_KEY", pem)];
    let given = [&without_table[..], &[("JWT_ALGORITHM", "RS256")]].concat();
    let keys = environment(&given).verifying_keys().unwrap();
    let KeyLocation::Static(keys) = keys.location else { panic!("{keys:?}") };
    let kid = &keys.public_jwk_set().keys[0].kid;
    assert_eq!(keys.find(kid).map(VerifyingKey::algorithm), Some(Algorithm::Rs256));
    let both = message(&[("JWT_PUBLIC_KEY", pem)]);
    assert_eq!(both, "KEYS_TABLE and JWT_PUBLIC_KEY are both set, set one of them");
}

#[test]
fn an_invalid_base_path_is_refused() {
    let base_path = |value| environment(&[("BASE_PATH", value)]).http().map(|http| http.base_path);
    for path in ["", "/auth", "/auth/v1", "/a-b._~9"] {
        assert_eq!(base_path(path).unwrap(), path);
    }
    for path in ["auth", "/", "/auth/", "//auth", "/a b", "/ä", "/a%20b", "/{x}", "https://x"] {
        let sentence = "BASE_PATH must be a path of letters, digits, - . _ ~, such as /auth";
        assert_eq!(message(&[("BASE_PATH", path)]), sentence, "{path}");
    }
}
