//! What functions read from their environment, and which values stop them.
#![cfg(test)]

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use latchkey_config::{
    AccountConfig, AdminConfig, AuthorizerConfig, ConfigError, DiscoveryConfig, LoginConfig,
    LogoutConfig, ProtectedConfig, RefreshConfig, SignupConfig, WorkItemsConfig, variables_of,
};
use latchkey_http::RevocationCheck;
use latchkey_password::HashParams;
use latchkey_store::KeyLocation;
use latchkey_token::Algorithm;

/// Everything that a function must be told.
const NEEDED: [(&str, &str); 5] = [
    ("USERS_TABLE", "users"),
    ("WORK_ITEMS_TABLE", "items"),
    ("JWT_ISSUER", "https://auth.example.com"),
    ("KEYS_TABLE", "keys"),
    ("KMS_KEY_ARN", "arn:aws:kms:eu-west-1:123456789012:key/1"),
];

fn variables<'a>(
    changed: &'a [(&'a str, &'a str)],
) -> impl Fn(&'static str) -> Option<String> + 'a {
    let mut values: HashMap<&str, &str> = NEEDED.into();
    values.extend(changed.iter().copied());
    move |name| values.get(name).map(|value| (*value).to_owned())
}

fn login(changed: &[(&str, &str)]) -> Result<LoginConfig, ConfigError> {
    LoginConfig::read(&variables(changed))
}

fn message<T>(read: Result<T, ConfigError>) -> String {
    read.err().expect("the value is refused").to_string()
}

#[test]
fn each_function_reads_the_variables_that_it_is_documented_to_read() {
    type Read = fn(&dyn Fn(&'static str) -> Option<String>) -> bool;
    let functions: [(&str, Read); 10] = [
        ("account", |v| AccountConfig::read(&|name| v(name)).is_ok()),
        ("authorizer", |v| AuthorizerConfig::read(&|name| v(name)).is_ok()),
        ("discovery", |v| DiscoveryConfig::read(&|name| v(name)).is_ok()),
        ("admin", |v| AdminConfig::read(&|name| v(name)).is_ok()),
        ("login", |v| LoginConfig::read(&|name| v(name)).is_ok()),
        ("logout", |v| LogoutConfig::read(&|name| v(name)).is_ok()),
        ("protected", |v| ProtectedConfig::read(&|name| v(name)).is_ok()),
        ("refresh", |v| RefreshConfig::read(&|name| v(name)).is_ok()),
        ("signup", |v| SignupConfig::read(&|name| v(name)).is_ok()),
        ("workitems", |v| WorkItemsConfig::read(&|name| v(name)).is_ok()),
    ];
    for (function, read) in functions {
        let asked = RefCell::new(BTreeSet::new());
        let values = variables(&[]);
        let is_read = read(&|name| {
            asked.borrow_mut().insert(name);
            values(name)
        });
        assert!(is_read, "{function}");
        let documented: BTreeSet<_> = variables_of(function).into_iter().collect();
        assert_eq!(asked.into_inner(), documented, "{function}");
    }
    assert_eq!(variables_of("nobody's"), Vec::<&str>::new());
}

#[test]
fn what_is_not_set_is_the_contracts_default() {
    let config = login(&[]).unwrap();
    assert_eq!(config.tokens.audience, config.tokens.issuer);
    assert_eq!(config.tokens.access_lifetime, Duration::from_mins(15));
    assert_eq!(config.tokens.refresh_lifetime, Duration::from_hours(30 * 24));
    assert_eq!(config.tokens.leeway, Duration::ZERO);
    assert_eq!(config.sessions.lifetimes.idle, Duration::from_hours(30 * 24));
    assert_eq!(config.sessions.lifetimes.absolute, Duration::from_hours(90 * 24));
    assert_eq!(config.sessions.limit, 20);
    assert_eq!(config.hashing, HashParams::default());
    let signup = SignupConfig::read(&variables(&[])).unwrap();
    assert_eq!(signup.passwords.min_chars(), 8);
    let guard = ProtectedConfig::read(&variables(&[])).unwrap().guard;
    assert_eq!(guard.revocation, RevocationCheck::Strict);
    let rotation = RefreshConfig::read(&variables(&[])).unwrap().rotation;
    assert_eq!(rotation.grace, Duration::from_secs(30));
    assert_eq!(rotation.lifetimes, config.sessions.lifetimes);
}

#[test]
fn what_is_set_takes_effect() {
    let config = login(&[
        ("JWT_AUDIENCE", "api"),
        ("JWT_ACCESS_TOKEN_EXPIRES", "60"),
        ("JWT_REFRESH_TOKEN_EXPIRES", "120"),
        ("JWT_DECODE_LEEWAY", "5"),
        ("SESSION_LIFETIME", "240"),
        ("SESSION_LIMIT", "2"),
        ("ARGON2_MEMORY_KIB", "12288"),
        ("ARGON2_ITERATIONS", "3"),
    ])
    .unwrap();
    assert_eq!(config.tokens.audience, "api");
    assert_eq!(config.tokens.access_lifetime, Duration::from_mins(1));
    assert_eq!(config.tokens.refresh_lifetime, Duration::from_mins(2));
    assert_eq!(config.tokens.leeway, Duration::from_secs(5));
    assert_eq!(config.sessions.lifetimes.absolute, Duration::from_mins(4));
    assert_eq!(
        (config.sessions.lifetimes.idle, config.sessions.limit),
        (Duration::from_mins(2), 2)
    );
    assert_eq!(config.hashing, HashParams::new(12_288, 3).unwrap());
}

#[test]
fn an_audience_of_another_kind_of_token_stops_the_function() {
    let issuer = login(&[]).unwrap().tokens.issuer;
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
    assert!(login(&[("JWT_AUDIENCE", "https://api.example.com#refresh")]).is_ok());
}

#[test]
fn a_missing_variable_is_named() {
    for (name, _) in NEEDED.into_iter().filter(|(name, _)| *name != "WORK_ITEMS_TABLE") {
        assert_eq!(message(login(&[(name, "")])), format!("{name} is not set"));
    }
    let verifier = LogoutConfig::read(&variables(&[("KEYS_TABLE", "")]));
    assert_eq!(message(verifier), "KEYS_TABLE is not set");
    let items = WorkItemsConfig::read(&variables(&[("WORK_ITEMS_TABLE", "")]));
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
    let short = SignupConfig::read(&variables(&[("PASSWORD_MIN_LENGTH", "7")]));
    assert_eq!(message(short), "PASSWORD_MIN_LENGTH must be a whole number from 8 to 64");
    let weak = message(login(&[("ARGON2_MEMORY_KIB", "1024")]));
    assert!(
        weak.starts_with("ARGON2_MEMORY_KIB and ARGON2_ITERATIONS are out of bounds"),
        "{weak}"
    );
    for grace in ["-1", "301", "soon"] {
        let odd = RefreshConfig::read(&variables(&[("REFRESH_GRACE", grace)]));
        assert_eq!(message(odd), "REFRESH_GRACE must be a whole number from 0 to 300");
    }
}

#[test]
fn sessions_are_looked_up_always_now_and_then_or_never() {
    let read = |text| {
        ProtectedConfig::read(&variables(&[("JWT_REVOCATION_CHECK", text)]))
            .map(|config| config.guard.revocation)
    };
    assert_eq!(read("strict"), Ok(RevocationCheck::Strict));
    assert_eq!(read("off"), Ok(RevocationCheck::Off));
    assert_eq!(read("cached:1"), Ok(RevocationCheck::Cached(Duration::from_secs(1))));
    assert_eq!(read("cached:3600"), Ok(RevocationCheck::Cached(Duration::from_hours(1))));
    for odd in ["sometimes", "cached", "cached:", "cached:0", "cached:3601", "cached:-1", "off:1"] {
        let refused = message(read(odd));
        assert_eq!(
            refused,
            "JWT_REVOCATION_CHECK must be strict, off, or cached:<seconds> with 1 to 3600"
        );
    }
}

#[test]
fn keys_come_from_one_place() {
    let secret = ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef");
    let jwk_set = (
        "SIGNING_KEYS",
        r#"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#,
    );
    let no_ring = ("KEYS_TABLE", "");
    assert!(matches!(login(&[]).unwrap().keys.location, KeyLocation::Ring { .. }));
    assert!(matches!(login(&[no_ring, jwk_set]).unwrap().keys.location, KeyLocation::JwkSet(_)));
    assert!(matches!(
        login(&[no_ring, secret]).unwrap().keys.location,
        KeyLocation::SharedSecret(_)
    ));
    for both in [&[jwk_set][..], &[secret], &[no_ring, jwk_set, secret], &[jwk_set, secret]] {
        let refused = message(login(both));
        assert!(refused.ends_with("are both set, set one of them"), "{refused}");
    }
}

#[test]
fn the_algorithm_may_be_pinned() {
    assert_eq!(
        login(&[("JWT_ALGORITHM", "ES256")]).unwrap().keys.algorithm,
        Some(Algorithm::Es256)
    );
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
fn no_secret_prints() {
    for secret in ["hunter2", "hunter2hunter2hunter2hunter2hunter2"] {
        let config = login(&[("KEYS_TABLE", ""), ("JWT_SECRET_KEY", secret)]);
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}

#[test]
fn the_error_that_main_prints_is_a_sentence() {
    assert_eq!(format!("{:?}", ConfigError::Missing("USERS_TABLE")), "USERS_TABLE is not set");
}
