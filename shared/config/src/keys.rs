//! Where keys are.

use std::{ops::RangeInclusive, time::Duration};

use latchkey_keys::{KeyPolicy, MAX_STALE_AGE};
use latchkey_store::{KeyLocation, KeySource, KeySourceError, RingSigning};
use latchkey_token::{Algorithm, KeyError};
use secrecy::SecretString;

use crate::{
    environment::{ConfigError, Variables, number, optional, required},
    groups::token_lifetime,
};

const DEFAULT_MAX_AGE_SECONDS: u64 = 120;
/// A retired key verifies for that long.
const LONGEST_MAX_AGE_SECONDS: u64 = 60 * 60;

const DEFAULT_ROTATION_DAYS: u64 = 30;
/// With tokens of 400 days, which is their longest life, 45 previous keys are kept.
const ROTATION_DAYS: RangeInclusive<u64> = 9..=1000;

const SECRET: &str = "SIGNING_KEYS_SECRET";
const TABLE: &str = "KEYS_TABLE";
const KMS_KEY: &str = "KMS_KEY_ARN";
const ALGORITHM: &str = "JWT_ALGORITHM";
const FLASK: &str = "FLASK_KEYS_SECRET";

type MakeLocation = fn(String) -> KeyLocation;

const RING: (&str, MakeLocation) = (TABLE, |table| KeyLocation::Ring { table, signing: None });
const PRIVATE: [(&str, MakeLocation); 4] = [
    (SECRET, |arn| KeyLocation::Secret { arn }),
    ("SIGNING_KEYS", |jwk_set| KeyLocation::JwkSet(SecretString::from(jwk_set))),
    ("JWT_SECRET_KEY", |secret| KeyLocation::SharedSecret(SecretString::from(secret))),
    ("JWT_PRIVATE_KEY", |pem| KeyLocation::PrivatePem(SecretString::from(pem))),
];

const PUBLIC: (&str, MakeLocation) = ("JWT_PUBLIC_KEY", KeyLocation::PublicPem);

/// Where the signing keys are. Read from `KEYS_TABLE` with `KMS_KEY_ARN` (the key ring),
/// `SIGNING_KEYS_SECRET` (the ARN of a secret), `SIGNING_KEYS` (a private JWK set), `JWT_SECRET_KEY`
/// (a secret for HS256, HS384 or HS512) or `JWT_PRIVATE_KEY` (PEM), one of them. `JWT_ALGORITHM` is
/// the algorithm of a secret or a PEM key; the signing key of a JWK set must be for it.
/// `KEYS_MAX_AGE` (seconds) is the age at which cached keys are stale. `first` is the algorithm of
/// the first ring's key, for the function that makes it.
pub(crate) fn signing_key_source(
    variables: &impl Variables,
    first: Option<Algorithm>,
) -> Result<KeySource, ConfigError> {
    let (variable, mut source) = key_source(variables, &[&[RING][..], &PRIVATE].concat())?;
    if let KeyLocation::Ring { signing, .. } = &mut source.location {
        *signing = Some(RingSigning { kms_key: kms_key(variables)?, first });
    }
    checked(variable, source.check_signing(), source)
}

/// The KMS key that seals private halves. Read from `KMS_KEY_ARN`.
pub(crate) fn kms_key(variables: &impl Variables) -> Result<String, ConfigError> {
    required(variables, KMS_KEY)
}

/// Where the keys that verify are: in the table `KEYS_TABLE`, a public key (PEM) in
/// `JWT_PUBLIC_KEY`, or as [`signing_key_source`].
pub(crate) fn verifying_key_source(variables: &impl Variables) -> Result<KeySource, ConfigError> {
    let (variable, source) = key_source(variables, &[&[RING, PUBLIC][..], &PRIVATE].concat())?;
    checked(variable, source.check_trusted(), source)
}

/// The source with the variable that names it.
fn key_source(
    variables: &impl Variables,
    places: &[(&'static str, MakeLocation)],
) -> Result<(&'static str, KeySource), ConfigError> {
    let mut found = places
        .iter()
        .filter_map(|(name, make)| optional(variables, name).map(|value| (*name, make(value))));
    let (name, location) = found.next().ok_or(ConfigError::Missing(TABLE))?;
    if let Some((other, _)) = found.next() {
        return Err(ConfigError::Contradictory(name, other));
    }
    let source = KeySource {
        algorithm: jwt_algorithm(variables, name, &location)?,
        location,
        flask_secret: None,
        max_age: max_age(variables)?,
    };
    Ok((name, source))
}

/// The algorithm of static keys. Read from `JWT_ALGORITHM`.
fn jwt_algorithm(
    variables: &impl Variables,
    keys: &'static str,
    location: &KeyLocation,
) -> Result<Option<Algorithm>, ConfigError> {
    let is_possible = |algorithm: &Algorithm| match location {
        KeyLocation::SharedSecret(_) => !algorithm.has_public_half(),
        KeyLocation::PrivatePem(_) | KeyLocation::PublicPem(_) => algorithm.has_public_half(),
        KeyLocation::JwkSet(_) | KeyLocation::Secret { .. } | KeyLocation::Ring { .. } => true,
    };
    let possible: Vec<_> = Algorithm::ALL.into_iter().filter(is_possible).collect();
    let is_narrowed = possible.len() < Algorithm::ALL.len();
    let where_set = if is_narrowed { format!(" where {keys} is set") } else { String::new() };
    algorithm(variables, ALGORITHM, possible, &where_set)
}

/// The source, unless its static keys cannot be used.
fn checked(
    variable: &'static str,
    outcome: Result<(), KeySourceError>,
    source: KeySource,
) -> Result<KeySource, ConfigError> {
    let by_default = if source.algorithm.is_none() { ", the default of JWT_ALGORITHM" } else { "" };
    match outcome {
        Ok(()) => Ok(source),
        Err(KeySourceError::OtherAlgorithm { found, wanted }) => {
            let (found, wanted) = (found.name(), wanted.name());
            let reason = format!("is {wanted}, and the first key of {variable} is for {found}");
            Err(ConfigError::invalid(ALGORITHM, reason))
        }
        Err(KeySourceError::Unusable(KeyError::NotPem(algorithm))) => {
            let reason = format!("not a PEM key for {algorithm}{by_default}");
            Err(ConfigError::Key { variable, reason })
        }
        Err(KeySourceError::Unusable(error)) => {
            Err(ConfigError::Key { variable, reason: error.to_string() })
        }
        Err(other) => Err(ConfigError::Key { variable, reason: other.to_string() }),
    }
}

/// The same with a Flask service's keys. Read from `FLASK_KEYS_SECRET` (the ARN of a secret).
pub(crate) fn flask_secret(
    variables: &impl Variables,
    source: KeySource,
) -> Result<KeySource, ConfigError> {
    let flask_secret = optional(variables, FLASK);
    match (&flask_secret, &source.location) {
        (None, _) | (_, KeyLocation::Secret { .. } | KeyLocation::Ring { .. }) => {
            Ok(KeySource { flask_secret, ..source })
        }
        (Some(_), _) => Err(ConfigError::Invalid {
            variable: FLASK,
            reason: format!("goes with {TABLE} or {SECRET}; static keys are one JWK set"),
        }),
    }
}

/// The table of a Flask service's identities. Read from `LEGACY_TABLE`.
pub(crate) fn legacy_table(
    variables: &impl Variables,
    source: &KeySource,
) -> Result<Option<String>, ConfigError> {
    const LEGACY: &str = "LEGACY_TABLE";
    let table = optional(variables, LEGACY);
    if table.is_none() && source.flask_secret.is_some() {
        return Err(ConfigError::invalid(LEGACY, format!("is not set, and {FLASK} needs it")));
    }
    Ok(table)
}

/// The age at which cached keys are stale. Read from `KEYS_MAX_AGE` (seconds).
pub(crate) fn max_age(variables: &impl Variables) -> Result<Duration, ConfigError> {
    let bounds = 1..=LONGEST_MAX_AGE_SECONDS;
    number(variables, "KEYS_MAX_AGE", DEFAULT_MAX_AGE_SECONDS, bounds).map(Duration::from_secs)
}

/// How keys are made and changed. Read from `SIGNING_ALGORITHM`, `KEY_ROTATION_DAYS` (9 to 1000,
/// default 30), and from the lifetimes of tokens: a key verifies as long as what it signed lives.
pub(crate) fn key_policy(variables: &impl Variables) -> Result<KeyPolicy, ConfigError> {
    let days = number(variables, "KEY_ROTATION_DAYS", DEFAULT_ROTATION_DAYS, ROTATION_DAYS)?;
    Ok(KeyPolicy {
        algorithm: ring_algorithm(variables)?,
        period: Duration::from_hours(24 * days),
        // A process that cannot read the ring signs with the replaced key for so long.
        retention: token_lifetime(variables)? + MAX_STALE_AGE,
    })
}

/// What the ring's new keys are for. Read from `SIGNING_ALGORITHM` (default ES256).
pub(crate) fn ring_algorithm(variables: &impl Variables) -> Result<Algorithm, ConfigError> {
    let with_public_half =
        Algorithm::ALL.into_iter().filter(|algorithm| algorithm.has_public_half());
    let algorithm = algorithm(variables, "SIGNING_ALGORITHM", with_public_half.collect(), "")?;
    Ok(algorithm.unwrap_or(Algorithm::Es256))
}

fn algorithm(
    variables: &impl Variables,
    variable: &'static str,
    allowed: Vec<Algorithm>,
    circumstance: &str,
) -> Result<Option<Algorithm>, ConfigError> {
    let Some(name) = optional(variables, variable) else {
        return Ok(None);
    };
    let found = Algorithm::parse(&name).filter(|algorithm| allowed.contains(algorithm));
    found.map(Some).ok_or_else(|| {
        let names: Vec<_> = allowed.into_iter().map(Algorithm::name).collect();
        let names = names.join(", ");
        ConfigError::invalid(variable, format!("must be one of {names}{circumstance}"))
    })
}
