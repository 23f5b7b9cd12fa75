//! Key sources of functions that sign, verify, or change the key ring.
#![cfg(test)]

use std::{collections::HashMap, time::Duration};

use latchkey_config::GuardSettings;
use latchkey_config::{ConfigError, Environment, check};
use latchkey_keys::MAX_PREVIOUS;
use latchkey_store::{KeyLocation, KeySource, RingSigning, RingVerifying};
use latchkey_token::Algorithm;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:keys";
const SECRET: (&str, &str) = ("SIGNING_KEYS_SECRET", ARN);
const TABLE: (&str, &str) = ("KEYS_TABLE", "keys");
const KMS_KEY: (&str, &str) = ("KMS_KEY_ARN", "arn:kms");
const SHARED: (&str, &str) = ("JWT_SECRET_KEY", "0123456789abcdef0123456789abcdef");
const JWK_SET: (&str, &str) = (
    "SIGNING_KEYS",
    r#"{"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#,
);
const FLASK: (&str, &str) = ("FLASK_KEYS_SECRET", "arn:flask");
const LEGACY: (&str, &str) = ("LEGACY_TABLE", "legacy");

fn environment(given: &[(&str, &str)]) -> Environment<'static> {
    let mut values: HashMap<String, String> = HashMap::new();
    let needed = [
        ("USERS_TABLE", "users"),
        ("WORK_ITEMS_TABLE", "items"),
        ("LIMITS_TABLE", "limits"),
        ("JWT_ISSUER", "https://auth.example.com"),
    ];
    let given = needed.iter().chain(given);
    values.extend(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Environment::new(move |name| values.get(name).cloned())
}

fn login(given: &[(&str, &str)]) -> Result<KeySource<RingSigning>, ConfigError> {
    let environment = environment(given);
    environment.signing_keys(Some(environment.ring_algorithm()?))
}

fn logout(given: &[(&str, &str)]) -> Result<KeySource<RingVerifying>, ConfigError> {
    environment(given).verifying_keys()
}

/// The key source, and the table of a Flask service's identities.
fn refresh(
    given: &[(&str, &str)],
) -> Result<(KeySource<RingSigning>, Option<String>), ConfigError> {
    let environment = environment(given);
    environment.with_flask(environment.signing_keys(None)?)
}

fn refresh_keys(given: &[(&str, &str)]) -> Result<KeySource<RingSigning>, ConfigError> {
    refresh(given).map(|(keys, _)| keys)
}

fn guard(given: &[(&str, &str)]) -> Result<GuardSettings, ConfigError> {
    environment(given).guard()
}

fn admin(given: &[(&str, &str)]) -> Environment<'static> {
    environment(&[&[KMS_KEY, TABLE][..], given].concat())
}

fn message<T>(read: Result<T, ConfigError>) -> String {
    read.err().expect("the value is refused").to_string()
}

#[test]
fn functions_that_verify_read_the_ring_without_a_kms_key() {
    let location = logout(&[TABLE]).unwrap().location;
    assert!(matches!(&location, KeyLocation::Ring { table, .. } if table == "keys"));
    for function in ["account", "authorizer", "discovery", "logout", "protected", "workitems"] {
        assert_eq!(check(function, &environment(&[TABLE])), Ok(()), "{function}");
        let missing = check(function, &environment(&[]));
        assert_eq!(message(missing), "KEYS_TABLE is not set", "{function}");
    }
}

#[test]
fn functions_that_sign_need_the_kms_key_and_login_creates_the_first_ring() {
    type Read = fn(&[(&str, &str)]) -> Result<KeySource<RingSigning>, ConfigError>;
    for (read, creates_ring) in [(login as Read, true), (refresh_keys, false)] {
        let signing = |given: &[(&str, &str)]| {
            let location = read(given).unwrap().location;
            let KeyLocation::Ring { access, .. } = location else { panic!("{location:?}") };
            access
        };
        let RingSigning { kms_key, first } = signing(&[TABLE, KMS_KEY]);
        assert_eq!(
            (kms_key.as_str(), first),
            ("arn:kms", creates_ring.then_some(Algorithm::Es256))
        );
        let first = signing(&[TABLE, KMS_KEY, ("SIGNING_ALGORITHM", "EdDSA")]).first;
        assert_eq!(first, creates_ring.then_some(Algorithm::EdDsa));
        assert_eq!(message(read(&[TABLE])), "KMS_KEY_ARN is not set");
        assert_eq!(message(read(&[KMS_KEY])), "KEYS_TABLE is not set");
        let public = ("JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----");
        assert_eq!(message(read(&[public])), "KEYS_TABLE is not set");
    }
}

#[test]
fn exactly_one_key_source_is_configured() {
    for source in [SECRET, SHARED] {
        let locations = [
            format!("{:?}", logout(&[source]).unwrap().location),
            format!("{:?}", login(&[source]).unwrap().location),
            format!("{:?}", refresh_keys(&[source]).unwrap().location),
        ];
        let expected =
            if source == SECRET { "Secret { arn: \"arn:aws:secretsmanager" } else { "Static" };
        assert!(locations.iter().all(|found| found.starts_with(expected)), "{locations:?}");
    }
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
    let refused = message(login(&[TABLE, KMS_KEY, SECRET]));
    assert_eq!(refused, "KEYS_TABLE and SIGNING_KEYS_SECRET are both set, set one of them");
}

#[test]
fn cached_keys_are_stale_after_two_minutes_by_default() {
    let ages = [logout(&[TABLE]).unwrap().max_age, login(&[TABLE, KMS_KEY]).unwrap().max_age];
    assert_eq!(ages, [Duration::from_mins(2); 2]);
    for (text, seconds) in [("1", 1), ("3600", 3600)] {
        let age = ("KEYS_MAX_AGE", text);
        let of_login = login(&[SECRET, age]).unwrap().max_age;
        let of_admin = admin(&[age]).ring().unwrap().2;
        assert_eq!([of_login, of_admin], [Duration::from_secs(seconds); 2]);
    }
    let sentence = "KEYS_MAX_AGE must be a whole number from 1 to 3600";
    for text in ["0", "3601", "-1", "2m", "1.5"] {
        let age = ("KEYS_MAX_AGE", text);
        assert_eq!(message(logout(&[TABLE, age])), sentence, "{text}");
        assert_eq!(message(login(&[SECRET, age])), sentence, "{text}");
        assert_eq!(message(admin(&[age]).ring()), sentence, "{text}");
    }
}

#[test]
fn flask_keys_have_a_separate_secret() {
    assert_eq!(guard(&[TABLE]).unwrap().keys.flask_secret, None);
    let with_flask = guard(&[TABLE, FLASK, LEGACY]).unwrap().keys;
    assert_eq!(with_flask.flask_secret.as_deref(), Some("arn:flask"));
    let with_flask = refresh_keys(&[SECRET, FLASK, LEGACY]).unwrap();
    assert_eq!(with_flask.flask_secret.as_deref(), Some("arn:flask"));
    // These functions do not accept Flask tokens.
    for function in ["discovery", "login", "logout"] {
        let without_legacy = environment(&[TABLE, KMS_KEY, FLASK]);
        assert_eq!(check(function, &without_legacy), Ok(()), "{function}");
    }
}

#[test]
fn flask_keys_need_the_table_of_identities() {
    let sentence = "LEGACY_TABLE is not set, and FLASK_KEYS_SECRET needs it";
    assert_eq!(message(refresh(&[SECRET, FLASK])), sentence);
    let legacy_table = |given: &[(&str, &str)]| guard(given).map(|settings| settings.legacy_table);
    assert_eq!(message(legacy_table(&[TABLE, FLASK])), sentence);
    assert_eq!(legacy_table(&[TABLE, FLASK, LEGACY]), Ok(Some("legacy".to_owned())));
    assert_eq!(legacy_table(&[TABLE]), Ok(None));
    let (_, table) = refresh(&[SECRET, FLASK, LEGACY]).unwrap();
    assert_eq!(table.as_deref(), Some("legacy"));
    // Static keys and Flask keys are one JWK set.
    for table in [None, Some(LEGACY)] {
        let given: Vec<_> = [JWK_SET].into_iter().chain(table).collect();
        assert_eq!(legacy_table(&given), Ok(table.map(|(_, name)| name.to_owned())));
    }
}

#[test]
fn static_keys_exclude_a_separate_flask_secret() {
    for static_keys in [JWK_SET, SHARED] {
        assert_eq!(
            message(refresh(&[static_keys, FLASK])),
            "FLASK_KEYS_SECRET needs KEYS_TABLE or SIGNING_KEYS_SECRET; with static keys, add the \
             Flask keys to SIGNING_KEYS"
        );
        let guarded = guard(&[static_keys, FLASK]);
        assert!(message(guarded).starts_with("FLASK_KEYS_SECRET needs"), "{static_keys:?}");
        assert_eq!(refresh_keys(&[static_keys]).unwrap().flask_secret, None);
    }
}

#[test]
fn retention_is_the_longest_token_lifetime_plus_the_hour_of_a_stale_cache() {
    let (table, kms_key, _) = admin(&[]).ring().unwrap();
    assert_eq!((kms_key.as_str(), table.as_str()), ("arn:kms", "keys"));
    let policy = admin(&[]).key_policy().unwrap();
    let (month, hour) = (Duration::from_hours(30 * 24), Duration::from_hours(1));
    assert_eq!(policy.algorithm, Algorithm::Es256);
    assert_eq!((policy.period, policy.retention), (month, month + hour));

    let retention = |access, refresh, leeway| {
        let given = [
            ("JWT_ACCESS_TOKEN_EXPIRES", access),
            ("JWT_REFRESH_TOKEN_EXPIRES", refresh),
            ("JWT_DECODE_LEEWAY", leeway),
        ];
        admin(&given).key_policy().unwrap().retention
    };
    assert_eq!(retention("60", "600", "7"), Duration::from_secs(607) + hour);
    assert_eq!(retention("600", "60", "0"), Duration::from_mins(10) + hour);
    for (name, _) in [KMS_KEY, TABLE] {
        assert_eq!(message(check("admin", &admin(&[(name, "")]))), format!("{name} is not set"));
    }
}

#[test]
fn every_valid_configuration_fits_the_limit_of_previous_keys() {
    let longest = admin(&[
        ("KEY_ROTATION_DAYS", "9"),
        ("JWT_REFRESH_TOKEN_EXPIRES", "34560000"),
        ("JWT_DECODE_LEEWAY", "300"),
    ]);
    let policy = longest.key_policy().unwrap();
    let previous = policy.retention.as_secs().div_ceil(policy.period.as_secs());
    assert!(previous <= MAX_PREVIOUS as u64, "{previous}");
    for days in ["8", "0", "1001", "x"] {
        let sentence = "KEY_ROTATION_DAYS must be a whole number from 9 to 1000";
        assert_eq!(message(admin(&[("KEY_ROTATION_DAYS", days)]).key_policy()), sentence);
    }
}

#[test]
fn new_keys_need_an_algorithm_with_a_public_key() {
    for algorithm in Algorithm::ALL.into_iter().filter(|found| found.has_public_half()) {
        let policy = admin(&[("SIGNING_ALGORITHM", algorithm.name())]).key_policy().unwrap();
        assert_eq!(policy.algorithm, algorithm);
    }
    for name in ["HS256", "HS384", "HS512", "none", "es256", "ES512"] {
        assert_eq!(
            message(admin(&[("SIGNING_ALGORITHM", name)]).key_policy()),
            "SIGNING_ALGORITHM must be one of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, \
             PS384, PS512"
        );
    }
}
