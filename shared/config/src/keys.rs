//! Where keys are.

use std::time::Duration;

use latchkey_keys::{KeyPolicy, MAX_STALE_AGE};
use latchkey_store::{KeyLocation, KeySource, KeySourceError, RingSigning};
use latchkey_token::{Algorithm, KeyError};
use secrecy::SecretString;

use crate::{
    environment::{ConfigError, Environment},
    variables::{self as var, Variable},
};

/// A variable that says where keys are, and the location that its value makes.
type Place = (&'static Variable, fn(String) -> KeyLocation);

const RING: Place = (&var::KEYS_TABLE, |table| KeyLocation::Ring { table, signing: None });
const PUBLIC: Place = (&var::JWT_PUBLIC_KEY, KeyLocation::PublicPem);
const PRIVATE: [Place; 4] = [
    (&var::SIGNING_KEYS_SECRET, |arn| KeyLocation::Secret { arn }),
    (&var::SIGNING_KEYS, |jwk_set| KeyLocation::JwkSet(SecretString::from(jwk_set))),
    (&var::JWT_SECRET_KEY, |secret| KeyLocation::SharedSecret(SecretString::from(secret))),
    (&var::JWT_PRIVATE_KEY, |pem| KeyLocation::PrivatePem(SecretString::from(pem))),
];

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// Where the signing keys are; `first` is the algorithm for a function that makes the first
    /// ring.
    pub fn signing_keys(&self, first: Option<Algorithm>) -> Result<KeySource, ConfigError> {
        let places = [&[RING][..], &PRIVATE].concat();
        let mut source = self.key_source(&places, KeySource::check_signing)?;
        if let KeyLocation::Ring { signing, .. } = &mut source.location {
            *signing = Some(RingSigning { kms_key: self.text(&var::KMS_KEY_ARN)?, first });
        }
        Ok(source)
    }

    /// Where the keys are that verify.
    pub fn verifying_keys(&self) -> Result<KeySource, ConfigError> {
        let places = [&[RING, PUBLIC][..], &PRIVATE].concat();
        self.key_source(&places, KeySource::check_trusted)
    }

    /// The one place that is set, with static keys that pass the check.
    fn key_source(
        &self,
        places: &[Place],
        check: fn(&KeySource) -> Result<(), KeySourceError>,
    ) -> Result<KeySource, ConfigError> {
        let mut found = places
            .iter()
            .filter_map(|(name, make)| self.optional(name).map(|value| (*name, make(value))));
        let (variable, location) =
            found.next().ok_or_else(|| var::KEYS_TABLE.refused("is not set"))?;
        if let Some((other, _)) = found.next() {
            let both = format!("and {} are both set, set one of them", other.name);
            return Err(variable.refused(&both));
        }
        let source = KeySource {
            algorithm: self.static_algorithm(variable, &location)?,
            location,
            flask_secret: None,
            max_age: self.seconds(&var::KEYS_MAX_AGE)?,
        };
        check(&source).map_err(|error| unusable(variable, &source, &error))?;
        Ok(source)
    }

    /// The algorithm of static keys.
    fn static_algorithm(
        &self,
        keys: &Variable,
        location: &KeyLocation,
    ) -> Result<Option<Algorithm>, ConfigError> {
        let is_possible = |algorithm: &Algorithm| match location {
            KeyLocation::SharedSecret(_) => !algorithm.has_public_half(),
            KeyLocation::PrivatePem(_) | KeyLocation::PublicPem(_) => algorithm.has_public_half(),
            KeyLocation::JwkSet(_) | KeyLocation::Secret { .. } | KeyLocation::Ring { .. } => true,
        };
        let Some(name) = self.optional(&var::JWT_ALGORITHM) else {
            return Ok(None);
        };
        let found = Algorithm::parse(&name).filter(is_possible);
        found.map(Some).ok_or_else(|| {
            let possible: Vec<_> = Algorithm::ALL.into_iter().filter(is_possible).collect();
            if possible.len() == Algorithm::ALL.len() {
                return var::JWT_ALGORITHM.invalid();
            }
            let names = possible.into_iter().map(Algorithm::name).collect::<Vec<_>>().join(", ");
            let reason = format!("must be one of {names} where {} is set", keys.name);
            var::JWT_ALGORITHM.refused(&reason)
        })
    }

    /// Adds a Flask service's keys, and returns the table of its identities too.
    pub fn with_flask(
        &self,
        source: KeySource,
    ) -> Result<(KeySource, Option<String>), ConfigError> {
        let flask_secret = self.optional(&var::FLASK_KEYS_SECRET);
        let legacy_table = self.optional(&var::LEGACY_TABLE);
        let is_static =
            !matches!(source.location, KeyLocation::Ring { .. } | KeyLocation::Secret { .. });
        if flask_secret.is_some() && is_static {
            let reason = "goes with KEYS_TABLE or SIGNING_KEYS_SECRET; static keys are one JWK set";
            return Err(var::FLASK_KEYS_SECRET.refused(reason));
        }
        if flask_secret.is_some() && legacy_table.is_none() {
            return Err(var::LEGACY_TABLE.refused("is not set, and FLASK_KEYS_SECRET needs it"));
        }
        Ok((KeySource { flask_secret, ..source }, legacy_table))
    }

    /// The key ring: its table, the KMS key that encrypts private halves, and the age at which
    /// cached keys are stale.
    pub fn ring(&self) -> Result<(String, String, Duration), ConfigError> {
        let table = self.text(&var::KEYS_TABLE)?;
        Ok((table, self.text(&var::KMS_KEY_ARN)?, self.seconds(&var::KEYS_MAX_AGE)?))
    }

    /// How keys are made and changed.
    pub fn key_policy(&self) -> Result<KeyPolicy, ConfigError> {
        let days: u64 = self.number(&var::KEY_ROTATION_DAYS)?;
        let access = self.seconds(&var::JWT_ACCESS_TOKEN_EXPIRES)?;
        let refresh = self.seconds(&var::JWT_REFRESH_TOKEN_EXPIRES)?;
        let leeway = self.seconds(&var::JWT_DECODE_LEEWAY)?;
        Ok(KeyPolicy {
            algorithm: self.ring_algorithm()?,
            period: Duration::from_hours(24 * days),
            // A process that cannot read the ring signs with the replaced key for so long.
            retention: access.max(refresh) + leeway + MAX_STALE_AGE,
        })
    }

    /// What the ring's new keys are for.
    pub fn ring_algorithm(&self) -> Result<Algorithm, ConfigError> {
        let found = Algorithm::parse(&self.text(&var::SIGNING_ALGORITHM)?);
        let found = found.filter(|algorithm| algorithm.has_public_half());
        found.ok_or_else(|| var::SIGNING_ALGORITHM.invalid())
    }
}

/// The error for static keys that cannot be used.
fn unusable(keys: &Variable, source: &KeySource, error: &KeySourceError) -> ConfigError {
    let reason = match error {
        KeySourceError::OtherAlgorithm { found, wanted } => {
            let (found, wanted) = (found.name(), wanted.name());
            let reason = format!("is {wanted}, and the first key of {} is for {found}", keys.name);
            return var::JWT_ALGORITHM.refused(&reason);
        }
        KeySourceError::Unusable(KeyError::NotPem(algorithm)) if source.algorithm.is_none() => {
            format!("not a PEM key for {algorithm}, the default of JWT_ALGORITHM")
        }
        KeySourceError::Unusable(error) => error.to_string(),
        KeySourceError::PublicOnly => error.to_string(),
    };
    ConfigError(format!("{}: {reason}", keys.name))
}
