//! Where keys are.

use std::time::Duration;

use latchkey_keys::{KeyPolicy, MAX_STALE_AGE};
use latchkey_store::{KeyLocation, KeySource, KeySourceError, RingSigning};
use latchkey_token::{Algorithm, KeyError};
use secrecy::SecretString;

use crate::{
    environment::{ConfigError, Environment},
    variables::{
        FLASK_KEYS_SECRET, JWT_ALGORITHM, JWT_PRIVATE_KEY, JWT_PUBLIC_KEY, JWT_SECRET_KEY,
        KEY_ROTATION_DAYS, KEYS_MAX_AGE, KEYS_TABLE, KMS_KEY_ARN, LEGACY_TABLE, SIGNING_ALGORITHM,
        SIGNING_KEYS, SIGNING_KEYS_SECRET, Variable,
    },
};

type MakeLocation = fn(String) -> KeyLocation;

const RING: (&Variable, MakeLocation) =
    (&KEYS_TABLE, |table| KeyLocation::Ring { table, signing: None });
const PUBLIC: (&Variable, MakeLocation) = (&JWT_PUBLIC_KEY, KeyLocation::PublicPem);
const PRIVATE: [(&Variable, MakeLocation); 4] = [
    (&SIGNING_KEYS_SECRET, |arn| KeyLocation::Secret { arn }),
    (&SIGNING_KEYS, |jwk_set| KeyLocation::JwkSet(SecretString::from(jwk_set))),
    (&JWT_SECRET_KEY, |secret| KeyLocation::SharedSecret(SecretString::from(secret))),
    (&JWT_PRIVATE_KEY, |pem| KeyLocation::PrivatePem(SecretString::from(pem))),
];

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// Where the signing keys are.
    pub fn signing_keys(&self) -> Result<KeySource, ConfigError> {
        let (variable, mut source) = self.key_source(&[&[RING][..], &PRIVATE].concat())?;
        if let KeyLocation::Ring { signing, .. } = &mut source.location {
            *signing = Some(RingSigning { kms_key: self.kms_key()?, first: None });
        }
        source.check_signing().map_err(|error| unusable(variable, &source, &error))?;
        Ok(source)
    }

    /// The same for the function that makes the first ring.
    pub fn first_signing_keys(&self) -> Result<KeySource, ConfigError> {
        let algorithm = self.ring_algorithm()?;
        let mut source = self.signing_keys()?;
        if let KeyLocation::Ring { signing: Some(signing), .. } = &mut source.location {
            signing.first = Some(algorithm);
        }
        Ok(source)
    }

    /// Where the keys are that verify.
    pub fn verifying_keys(&self) -> Result<KeySource, ConfigError> {
        let (variable, source) = self.key_source(&[&[RING, PUBLIC][..], &PRIVATE].concat())?;
        source.check_trusted().map_err(|error| unusable(variable, &source, &error))?;
        Ok(source)
    }

    /// The source, with the variable that names it.
    fn key_source(
        &self,
        places: &[(&'static Variable, MakeLocation)],
    ) -> Result<(&'static Variable, KeySource), ConfigError> {
        let mut found = places
            .iter()
            .filter_map(|(name, make)| self.optional(name).map(|value| (*name, make(value))));
        let (variable, location) = found.next().ok_or_else(|| KEYS_TABLE.missing())?;
        if let Some((other, _)) = found.next() {
            let both = format!("and {} are both set, set one of them", other.name);
            return Err(variable.refused(&both));
        }
        let source = KeySource {
            algorithm: self.static_algorithm(variable, &location)?,
            location,
            flask_secret: None,
            max_age: self.keys_max_age()?,
        };
        Ok((variable, source))
    }

    /// The algorithm of static keys.
    fn static_algorithm(
        &self,
        keys: &Variable,
        location: &KeyLocation,
    ) -> Result<Option<Algorithm>, ConfigError> {
        let Some(name) = self.optional(&JWT_ALGORITHM) else {
            return Ok(None);
        };
        let needs_public_half = match location {
            KeyLocation::SharedSecret(_) => Some(false),
            KeyLocation::PrivatePem(_) | KeyLocation::PublicPem(_) => Some(true),
            KeyLocation::JwkSet(_) | KeyLocation::Secret { .. } | KeyLocation::Ring { .. } => None,
        };
        let is_possible = |algorithm: &Algorithm| {
            needs_public_half.is_none_or(|needed| algorithm.has_public_half() == needed)
        };
        if let Some(algorithm) = Algorithm::parse(&name).filter(is_possible) {
            return Ok(Some(algorithm));
        }
        if needs_public_half.is_none() {
            return Err(JWT_ALGORITHM.invalid());
        }
        let possible = Algorithm::ALL.into_iter().filter(is_possible).map(Algorithm::name);
        let possible = possible.collect::<Vec<_>>().join(", ");
        let reason = format!("must be one of {possible} where {} is set", keys.name);
        Err(JWT_ALGORITHM.refused(&reason))
    }

    /// Adds a Flask service's keys, and returns the table of its identities too.
    pub fn with_flask(
        &self,
        source: KeySource,
    ) -> Result<(KeySource, Option<String>), ConfigError> {
        let flask_secret = self.optional(&FLASK_KEYS_SECRET);
        let legacy_table = self.optional(&LEGACY_TABLE);
        let is_static =
            !matches!(source.location, KeyLocation::Ring { .. } | KeyLocation::Secret { .. });
        if flask_secret.is_some() && is_static {
            return Err(FLASK_KEYS_SECRET.refused(
                "goes with KEYS_TABLE or SIGNING_KEYS_SECRET; static keys are one JWK set",
            ));
        }
        if flask_secret.is_some() && legacy_table.is_none() {
            return Err(LEGACY_TABLE.refused("is not set, and FLASK_KEYS_SECRET needs it"));
        }
        Ok((KeySource { flask_secret, ..source }, legacy_table))
    }

    /// The table of the key ring.
    pub fn keys_table(&self) -> Result<String, ConfigError> {
        self.text(&KEYS_TABLE)
    }

    /// The KMS key that encrypts private halves.
    pub fn kms_key(&self) -> Result<String, ConfigError> {
        self.text(&KMS_KEY_ARN)
    }

    /// The age at which cached keys are stale.
    pub fn keys_max_age(&self) -> Result<Duration, ConfigError> {
        self.seconds(&KEYS_MAX_AGE)
    }

    /// How keys are made and changed.
    pub fn key_policy(&self) -> Result<KeyPolicy, ConfigError> {
        let days: u64 = self.number(&KEY_ROTATION_DAYS)?;
        Ok(KeyPolicy {
            algorithm: self.ring_algorithm()?,
            period: Duration::from_hours(24 * days),
            // A process that cannot read the ring signs with the replaced key for so long.
            retention: self.token_lifetime()? + MAX_STALE_AGE,
        })
    }

    /// What the ring's new keys are for.
    fn ring_algorithm(&self) -> Result<Algorithm, ConfigError> {
        let found = Algorithm::parse(&self.text(&SIGNING_ALGORITHM)?);
        found
            .filter(|algorithm| algorithm.has_public_half())
            .ok_or_else(|| SIGNING_ALGORITHM.invalid())
    }
}

/// The error for static keys that cannot be used.
fn unusable(variable: &Variable, source: &KeySource, error: &KeySourceError) -> ConfigError {
    let by_default = if source.algorithm.is_none() { ", the default of JWT_ALGORITHM" } else { "" };
    let reason = match error {
        KeySourceError::OtherAlgorithm { found, wanted } => {
            let (found, wanted) = (found.name(), wanted.name());
            let keys = variable.name;
            return JWT_ALGORITHM
                .refused(&format!("is {wanted}, and the first key of {keys} is for {found}"));
        }
        KeySourceError::Unusable(KeyError::NotPem(algorithm)) => {
            format!("not a PEM key for {algorithm}{by_default}")
        }
        KeySourceError::Unusable(error) => error.to_string(),
        KeySourceError::PublicOnly => error.to_string(),
    };
    ConfigError(format!("{}: {reason}", variable.name))
}
