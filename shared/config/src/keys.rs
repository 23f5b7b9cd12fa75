//! Sources of keys.

use std::time::Duration;

use latchkey_keys::{KeyPolicy, MAX_STALE_AGE};
use latchkey_store::{KeyLocation, KeySource, RingSigning, RingVerifying};
use latchkey_token::{Algorithm, KeyError, KeySet};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    environment::{ConfigError, Environment},
    variables::{self as var, Variable},
};

/// A variable that configures keys, and the format of its value.
type KeyVariable = (&'static Variable, KeyFormat);

#[derive(Clone, Copy)]
enum KeyFormat {
    RingTable,
    SecretArn,
    Static(StaticFormat),
}

/// Keys in the configuration itself.
#[derive(Clone, Copy)]
struct StaticFormat {
    read: fn(&SecretString, Option<Algorithm>) -> Result<KeySet, KeyError>,
    supports: fn(Algorithm) -> bool,
}

const RING: KeyVariable = (&var::KEYS_TABLE, KeyFormat::RingTable);
const SECRET: KeyVariable = (&var::SIGNING_KEYS_SECRET, KeyFormat::SecretArn);
const JWK_SET: KeyVariable = (
    &var::SIGNING_KEYS,
    KeyFormat::Static(StaticFormat {
        read: |text, algorithm| KeySet::parse(text)?.signing_with(algorithm),
        supports: |_| true,
    }),
);
const SHARED: KeyVariable = (
    &var::JWT_SECRET_KEY,
    KeyFormat::Static(StaticFormat {
        read: |text, algorithm| {
            KeySet::from_shared_secret(algorithm.unwrap_or(Algorithm::Hs256), text)
        },
        supports: |algorithm| !algorithm.has_public_half(),
    }),
);
const PRIVATE: KeyVariable = (
    &var::JWT_PRIVATE_KEY,
    KeyFormat::Static(StaticFormat {
        read: |text, algorithm| KeySet::from_pem(algorithm.unwrap_or(Algorithm::Es256), text),
        supports: Algorithm::has_public_half,
    }),
);
const PUBLIC: KeyVariable = (
    &var::JWT_PUBLIC_KEY,
    KeyFormat::Static(StaticFormat {
        read: |text, algorithm| {
            let algorithm = algorithm.unwrap_or(Algorithm::Es256);
            KeySet::from_public_pem(algorithm, text.expose_secret())
        },
        supports: Algorithm::has_public_half,
    }),
);

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// The source of signing keys. `first` is the key algorithm for a function that creates the
    /// first ring.
    pub fn signing_keys(
        &self,
        first: Option<Algorithm>,
    ) -> Result<KeySource<RingSigning>, ConfigError> {
        let ring = || Ok(RingSigning { kms_key: self.text(&var::KMS_KEY_ARN)?, first });
        self.key_source(&[RING, SECRET, JWK_SET, SHARED, PRIVATE], ring)
    }

    /// The source of verifying keys.
    pub fn verifying_keys(&self) -> Result<KeySource<RingVerifying>, ConfigError> {
        let variables = [RING, PUBLIC, SECRET, JWK_SET, SHARED, PRIVATE];
        self.key_source(&variables, || Ok(RingVerifying))
    }

    /// The source from the only variable that is set.
    fn key_source<A>(
        &self,
        variables: &[KeyVariable],
        ring_access: impl FnOnce() -> Result<A, ConfigError>,
    ) -> Result<KeySource<A>, ConfigError> {
        let mut found = variables
            .iter()
            .filter_map(|(variable, format)| Some((*variable, *format, self.optional(variable)?)));
        let (variable, format, value) =
            found.next().ok_or_else(|| var::KEYS_TABLE.refused("is not set"))?;
        if let Some((other, ..)) = found.next() {
            let both = format!("and {} are both set, set one of them", other.name);
            return Err(variable.refused(&both));
        }
        let max_age = self.seconds(&var::KEYS_MAX_AGE)?;
        let algorithm = self.static_algorithm(variable, format)?;
        let location = match format {
            KeyFormat::RingTable => KeyLocation::Ring { table: value, access: ring_access()? },
            KeyFormat::SecretArn => KeyLocation::Secret { arn: value, algorithm },
            KeyFormat::Static(keys) => {
                let keys = (keys.read)(&SecretString::from(value), algorithm);
                let keys = keys.map_err(|error| unusable(variable, algorithm, &error))?;
                KeyLocation::Static(Box::new(keys))
            }
        };
        Ok(KeySource { location, flask_secret: None, max_age })
    }

    /// The configured algorithm, which the key format must support.
    fn static_algorithm(
        &self,
        keys: &Variable,
        format: KeyFormat,
    ) -> Result<Option<Algorithm>, ConfigError> {
        let is_supported = |algorithm: &Algorithm| match format {
            KeyFormat::Static(keys) => (keys.supports)(*algorithm),
            KeyFormat::RingTable | KeyFormat::SecretArn => true,
        };
        let Some(name) = self.optional(&var::JWT_ALGORITHM) else {
            return Ok(None);
        };
        let found = Algorithm::parse(&name).filter(is_supported);
        found.map(Some).ok_or_else(|| {
            let supported: Vec<_> = Algorithm::ALL.into_iter().filter(is_supported).collect();
            if supported.len() == Algorithm::ALL.len() {
                return var::JWT_ALGORITHM.invalid();
            }
            let names = supported.into_iter().map(Algorithm::name).collect::<Vec<_>>().join(", ");
            let reason = format!("must be one of {names} where {} is set", keys.name);
            var::JWT_ALGORITHM.refused(&reason)
        })
    }

    /// Adds the keys of a Flask service. Also returns the table of its identities.
    pub fn with_flask<A>(
        &self,
        source: KeySource<A>,
    ) -> Result<(KeySource<A>, Option<String>), ConfigError> {
        let flask_secret = self.optional(&var::FLASK_KEYS_SECRET);
        let legacy_table = self.optional(&var::LEGACY_TABLE);
        if flask_secret.is_some() && matches!(source.location, KeyLocation::Static(_)) {
            let reason = "needs KEYS_TABLE or SIGNING_KEYS_SECRET; with static keys, add the Flask \
                          keys to SIGNING_KEYS";
            return Err(var::FLASK_KEYS_SECRET.refused(reason));
        }
        if flask_secret.is_some() && legacy_table.is_none() {
            return Err(var::LEGACY_TABLE.refused("is not set, and FLASK_KEYS_SECRET needs it"));
        }
        Ok((KeySource { flask_secret, ..source }, legacy_table))
    }

    /// The key ring: the keys table, the ARN of the KMS key, and the age at which cached keys are
    /// stale.
    pub fn ring(&self) -> Result<(String, String, Duration), ConfigError> {
        let table = self.text(&var::KEYS_TABLE)?;
        Ok((table, self.text(&var::KMS_KEY_ARN)?, self.seconds(&var::KEYS_MAX_AGE)?))
    }

    /// Algorithm, rotation period and retention of keys.
    pub fn key_policy(&self) -> Result<KeyPolicy, ConfigError> {
        let days: u64 = self.number(&var::KEY_ROTATION_DAYS)?;
        let access = self.seconds(&var::JWT_ACCESS_TOKEN_EXPIRES)?;
        let refresh = self.seconds(&var::JWT_REFRESH_TOKEN_EXPIRES)?;
        let leeway = self.seconds(&var::JWT_DECODE_LEEWAY)?;
        Ok(KeyPolicy {
            algorithm: self.ring_algorithm()?,
            period: Duration::from_hours(24 * days),
            // A process that cannot read the ring signs with a replaced key for `MAX_STALE_AGE`.
            retention: access.max(refresh) + leeway + MAX_STALE_AGE,
        })
    }

    /// The algorithm of new keys in the ring.
    pub fn ring_algorithm(&self) -> Result<Algorithm, ConfigError> {
        let found = Algorithm::parse(&self.text(&var::SIGNING_ALGORITHM)?);
        let found = found.filter(|algorithm| algorithm.has_public_half());
        found.ok_or_else(|| var::SIGNING_ALGORITHM.invalid())
    }
}

/// The error for unusable static keys.
fn unusable(keys: &Variable, algorithm: Option<Algorithm>, error: &KeyError) -> ConfigError {
    if let KeyError::OtherAlgorithm { found, wanted } = error {
        let (found, wanted) = (found.name(), wanted.name());
        let reason = format!("is {wanted}, and the first key of {} is for {found}", keys.name);
        return var::JWT_ALGORITHM.refused(&reason);
    }
    let is_default = matches!(error, KeyError::NotPem(_)) && algorithm.is_none();
    let suffix = if is_default { ", the default of JWT_ALGORITHM" } else { "" };
    ConfigError(format!("{}: {error}{suffix}", keys.name))
}
