//! Where keys are, for those who sign, those who verify, and the one who makes them.
#![cfg(test)]

use std::{collections::HashMap, time::Duration};

use auth_config::{
    AccountConfig, AuthorizerConfig, ConfigError, DiscoveryConfig, KeysConfig, LoginConfig,
    LogoutConfig, ProtectedConfig, RefreshConfig, WorkItemsConfig,
};
use auth_store::{KeyLocation, KeySource};
use auth_token::Algorithm;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys";
const SECRET: (&str, &str) = ("SIGNING_KEYS_SECRET", ARN);
const TABLE: (&str, &str) = ("KEYS_TABLE", "keys");
const SHARED: (&str, &str) = ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef");
const JWK_SET: (&str, &str) = (
    "SIGNING_KEYS",
    r#"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#,
);
const FLASK: (&str, &str) = ("FLASK_KEYS_SECRET", "arn:flask");
const LEGACY: (&str, &str) = ("LEGACY_TABLE", "legacy");

fn variables(given: &[(&str, &str)]) -> impl Fn(&'static str) -> Option<String> {
    let mut values: HashMap<String, String> = HashMap::new();
    let needed = [
        ("USERS_TABLE", "users"),
        ("WORK_ITEMS_TABLE", "items"),
        ("JWT_ISSUER", "https://auth.example.com"),
    ];
    let given = needed.iter().chain(given);
    values.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    move |name| values.get(name).cloned()
}

fn login(given: &[(&str, &str)]) -> Result<KeySource, ConfigError> {
    LoginConfig::read(&variables(given)).map(|config| config.keys)
}

fn logout(given: &[(&str, &str)]) -> Result<KeySource, ConfigError> {
    LogoutConfig::read(&variables(given)).map(|config| config.keys)
}

fn refresh(given: &[(&str, &str)]) -> Result<KeySource, ConfigError> {
    RefreshConfig::read(&variables(given)).map(|config| config.keys)
}

fn keys(given: &[(&str, &str)]) -> Result<KeysConfig, ConfigError> {
    KeysConfig::read(&variables(&[&[SECRET, TABLE][..], given].concat()))
}

/// The keys of every function that only verifies.
fn verifiers(given: &[(&str, &str)]) -> Vec<Result<KeySource, ConfigError>> {
    let variables = variables(given);
    vec![
        AccountConfig::read(&variables).map(|config| config.keys),
        AuthorizerConfig::read(&variables).map(|config| config.guard.keys),
        DiscoveryConfig::read(&variables).map(|config| config.keys),
        LogoutConfig::read(&variables).map(|config| config.keys),
        ProtectedConfig::read(&variables).map(|config| config.guard.keys),
        WorkItemsConfig::read(&variables).map(|config| config.guard.keys),
    ]
}

fn message<T>(read: Result<T, ConfigError>) -> String {
    read.err().expect("the value is refused").to_string()
}

#[test]
fn who_verifies_reads_the_table_of_public_keys() {
    for source in verifiers(&[TABLE]) {
        let location = source.unwrap().location;
        assert!(matches!(&location, KeyLocation::Table { name } if name == "keys"), "{location:?}");
    }
    for source in verifiers(&[]) {
        assert_eq!(message(source), "KEYS_TABLE is not set");
    }
}

#[test]
fn who_signs_reads_the_secret_and_never_the_table() {
    for read in [login, refresh] {
        for given in [&[SECRET][..], &[SECRET, TABLE]] {
            let location = read(given).unwrap().location;
            assert!(matches!(&location, KeyLocation::Secret { arn } if arn == ARN), "{location:?}");
        }
        assert_eq!(message(read(&[TABLE])), "SIGNING_KEYS_SECRET is not set");
        let public = ("JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----");
        assert_eq!(message(read(&[public])), "SIGNING_KEYS_SECRET is not set");
    }
}

#[test]
fn who_verifies_may_share_a_secret_and_has_its_keys_from_one_place() {
    let in_secret = logout(&[SECRET]).unwrap().location;
    assert!(matches!(in_secret, KeyLocation::Secret { .. }), "{in_secret:?}");
    let at_hand = logout(&[SHARED]).unwrap().location;
    assert!(matches!(at_hand, KeyLocation::SharedSecret(_)), "{at_hand:?}");
    for (both, names) in [
        ([TABLE, SECRET], "KEYS_TABLE and SIGNING_KEYS_SECRET"),
        ([TABLE, SHARED], "KEYS_TABLE and JWT_SECRET_KEY"),
        ([TABLE, ("SIGNING_KEYS", "{}")], "KEYS_TABLE and SIGNING_KEYS"),
        ([TABLE, ("JWT_PRIVATE_KEY", "x")], "KEYS_TABLE and JWT_PRIVATE_KEY"),
        ([TABLE, ("JWT_PUBLIC_KEY", "x")], "KEYS_TABLE and JWT_PUBLIC_KEY"),
        ([SECRET, ("JWT_PUBLIC_KEY", "x")], "JWT_PUBLIC_KEY and SIGNING_KEYS_SECRET"),
    ] {
        let refused = message(logout(&both));
        assert_eq!(refused, format!("{names} are both set, set one of them"));
    }
}

#[test]
fn keys_that_are_read_grow_two_minutes_old_unless_said_otherwise() {
    let sources = verifiers(&[TABLE]).into_iter().chain([login(&[SECRET]), refresh(&[SECRET])]);
    for source in sources {
        assert_eq!(source.unwrap().max_age, Duration::from_mins(2));
    }
    for (text, seconds) in [("1", 1), ("3600", 3600)] {
        let age = ("KEYS_MAX_AGE", text);
        let of_login = login(&[SECRET, age]).unwrap().max_age;
        let of_keys = keys(&[age]).unwrap().max_age;
        assert_eq!([of_login, of_keys], [Duration::from_secs(seconds); 2]);
    }
    let sentence = "KEYS_MAX_AGE must be a whole number from 1 to 3600";
    for text in ["0", "3601", "-1", "2m", "1.5"] {
        let age = ("KEYS_MAX_AGE", text);
        assert_eq!(message(logout(&[TABLE, age])), sentence, "{text}");
        assert_eq!(message(login(&[SECRET, age])), sentence, "{text}");
        assert_eq!(message(keys(&[age])), sentence, "{text}");
    }
}

#[test]
fn a_flask_services_keys_have_a_secret_of_their_own() {
    let flask_secrets = |given: &[(&str, &str)]| {
        let found = verifiers(given).into_iter();
        found.map(|source| source.unwrap().flask_secret.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(flask_secrets(&[TABLE]), [false; 6]);
    // The public keys and logouts have nothing to do with such tokens.
    assert_eq!(flask_secrets(&[TABLE, FLASK, LEGACY]), [true, true, false, false, true, true]);
    assert_eq!(
        refresh(&[SECRET, FLASK, LEGACY]).unwrap().flask_secret.as_deref(),
        Some("arn:flask")
    );
    assert_eq!(login(&[SECRET, FLASK]).unwrap().flask_secret, None);
}

#[test]
fn a_flask_services_keys_go_with_the_table_of_its_identities() {
    let sentence = "LEGACY_TABLE is not set, and FLASK_KEYS_SECRET needs it";
    assert_eq!(message(refresh(&[SECRET, FLASK])), sentence);
    let guard = |given: &[(&str, &str)]| {
        AuthorizerConfig::read(&variables(given)).map(|config| config.guard.legacy_table)
    };
    assert_eq!(message(guard(&[TABLE, FLASK])), sentence);
    assert_eq!(guard(&[TABLE, FLASK, LEGACY]), Ok(Some("legacy".to_owned())));
    assert_eq!(guard(&[TABLE]), Ok(None));
    let config = RefreshConfig::read(&variables(&[SECRET, FLASK, LEGACY])).unwrap();
    assert_eq!(config.legacy_table.as_deref(), Some("legacy"));
    // Static keys are one set with the Flask service's.
    for legacy_table in [None, Some(LEGACY)] {
        let given: Vec<_> = [JWK_SET].into_iter().chain(legacy_table).collect();
        assert_eq!(guard(&given), Ok(legacy_table.map(|(_, name)| name.to_owned())));
    }
}

#[test]
fn keys_at_hand_are_one_set_with_a_flask_services() {
    for at_hand in [JWK_SET, SHARED] {
        assert_eq!(
            message(refresh(&[at_hand, FLASK])),
            "FLASK_KEYS_SECRET goes with KEYS_TABLE or SIGNING_KEYS_SECRET; keys at hand are one \
             JWK set"
        );
        let guard = AuthorizerConfig::read(&variables(&[at_hand, FLASK]));
        assert!(message(guard).starts_with("FLASK_KEYS_SECRET goes with"), "{at_hand:?}");
        assert_eq!(refresh(&[at_hand]).unwrap().flask_secret, None);
    }
}

#[test]
fn who_makes_keys_has_both_places_and_keeps_old_ones_as_long_as_tokens_live() {
    let config = keys(&[]).unwrap();
    assert_eq!((config.secret_arn.as_str(), config.keys_table.as_str()), (ARN, "keys"));
    assert_eq!(config.policy.algorithm, Algorithm::Es256);
    let (month, age) = (Duration::from_hours(30 * 24), Duration::from_mins(2));
    assert_eq!(config.policy.retention, month + age, "of a refresh token");

    let retention = |access, refresh, leeway, age| {
        let given = [
            ("JWT_ACCESS_TOKEN_EXPIRES", access),
            ("JWT_REFRESH_TOKEN_EXPIRES", refresh),
            ("JWT_DECODE_LEEWAY", leeway),
            ("KEYS_MAX_AGE", age),
        ];
        keys(&given).unwrap().policy.retention
    };
    assert_eq!(retention("60", "600", "7", "30"), Duration::from_secs(637));
    assert_eq!(retention("600", "60", "0", "1"), Duration::from_secs(601), "of the longer one");

    for (name, _) in [SECRET, TABLE] {
        assert_eq!(message(keys(&[(name, "")])), format!("{name} is not set"));
    }
}

#[test]
fn keys_are_made_for_an_algorithm_with_a_public_half() {
    for algorithm in Algorithm::ALL.into_iter().filter(|found| found.has_public_half()) {
        let config = keys(&[("SIGNING_ALGORITHM", algorithm.name())]).unwrap();
        assert_eq!(config.policy.algorithm, algorithm);
    }
    for name in ["HS256", "HS384", "HS512", "none", "es256", "ES512"] {
        assert_eq!(
            message(keys(&[("SIGNING_ALGORITHM", name)])),
            "SIGNING_ALGORITHM must be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, \
             PS384, PS512"
        );
    }
}
