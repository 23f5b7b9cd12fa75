//! Where keys are.

use std::time::Duration;

use latchkey_keys::{KeyPolicy, MAX_STALE_AGE};
use latchkey_store::{KeyLocation, KeySource, RingSigning, RingVerifying};
use latchkey_token::{Algorithm, KeyError, KeySet};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    environment::{ConfigError, Environment},
    variables::{self as var, Variable},
};

/// A variable that says where keys are, and what its value is.
type Place = (&'static Variable, Form);

#[derive(Clone, Copy)]
enum Form {
    RingTable,
    SecretArn,
    Static(StaticForm),
}

/// Keys that are in the configuration itself.
#[derive(Clone, Copy)]
struct StaticForm {
    read: fn(&SecretString, Option<Algorithm>) -> Result<KeySet, KeyError>,
    takes: fn(Algorithm) -> bool,
}

const RING: Place = (&var::KEYS_TABLE, Form::RingTable);
const SECRET: Place = (&var::SIGNING_KEYS_SECRET, Form::SecretArn);
const JWK_SET: Place = (
    &var::SIGNING_KEYS,
    Form::Static(StaticForm {
        read: |text, algorithm| KeySet::parse(text)?.signing_with(algorithm),
        takes: |_| true,
    }),
);
const SHARED: Place = (
    &var::JWT_SECRET_KEY,
    Form::Static(StaticForm {
        read: |text, algorithm| {
            KeySet::from_shared_secret(algorithm.unwrap_or(Algorithm::Hs256), text)
        },
        takes: |algorithm| !algorithm.has_public_half(),
    }),
);
const PRIVATE: Place = (
    &var::JWT_PRIVATE_KEY,
    Form::Static(StaticForm {
        read: |text, algorithm| KeySet::from_pem(algorithm.unwrap_or(Algorithm::Es256), text),
        takes: Algorithm::has_public_half,
    }),
);
const PUBLIC: Place = (
    &var::JWT_PUBLIC_KEY,
    Form::Static(StaticForm {
        read: |text, algorithm| {
            let algorithm = algorithm.unwrap_or(Algorithm::Es256);
            KeySet::from_public_pem(algorithm, text.expose_secret())
        },
        takes: Algorithm::has_public_half,
    }),
);

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// Where the signing keys are; `first` is the algorithm for a function that makes the first
    /// ring.
    pub fn signing_keys(
        &self,
        first: Option<Algorithm>,
    ) -> Result<KeySource<RingSigning>, ConfigError> {
        let ring = || Ok(RingSigning { kms_key: self.text(&var::KMS_KEY_ARN)?, first });
        self.key_source(&[RING, SECRET, JWK_SET, SHARED, PRIVATE], ring)
    }

    /// Where the keys are that verify.
    pub fn verifying_keys(&self) -> Result<KeySource<RingVerifying>, ConfigError> {
        let places = [RING, PUBLIC, SECRET, JWK_SET, SHARED, PRIVATE];
        self.key_source(&places, || Ok(RingVerifying))
    }

    /// The one place that is set.
    fn key_source<A>(
        &self,
        places: &[Place],
        ring_access: impl FnOnce() -> Result<A, ConfigError>,
    ) -> Result<KeySource<A>, ConfigError> {
        let mut found = places
            .iter()
            .filter_map(|(variable, form)| Some((*variable, *form, self.optional(variable)?)));
        let (variable, form, value) =
            found.next().ok_or_else(|| var::KEYS_TABLE.refused("is not set"))?;
        if let Some((other, ..)) = found.next() {
            let both = format!("and {} are both set, set one of them", other.name);
            return Err(variable.refused(&both));
        }
        let max_age = self.seconds(&var::KEYS_MAX_AGE)?;
        let algorithm = self.static_algorithm(variable, form)?;
        let location = match form {
            Form::RingTable => KeyLocation::Ring { table: value, access: ring_access()? },
            Form::SecretArn => KeyLocation::Secret { arn: value, algorithm },
            Form::Static(keys) => {
                let keys = (keys.read)(&SecretString::from(value), algorithm);
                let keys = keys.map_err(|error| unusable(variable, algorithm, &error))?;
                KeyLocation::Static(Box::new(keys))
            }
        };
        Ok(KeySource { location, flask_secret: None, max_age })
    }

    /// The algorithm of static keys.
    fn static_algorithm(
        &self,
        keys: &Variable,
        form: Form,
    ) -> Result<Option<Algorithm>, ConfigError> {
        let is_possible = |algorithm: &Algorithm| match form {
            Form::Static(keys) => (keys.takes)(*algorithm),
            Form::RingTable | Form::SecretArn => true,
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
    pub fn with_flask<A>(
        &self,
        source: KeySource<A>,
    ) -> Result<(KeySource<A>, Option<String>), ConfigError> {
        let flask_secret = self.optional(&var::FLASK_KEYS_SECRET);
        let legacy_table = self.optional(&var::LEGACY_TABLE);
        if flask_secret.is_some() && matches!(source.location, KeyLocation::Static(_)) {
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
fn unusable(keys: &Variable, algorithm: Option<Algorithm>, error: &KeyError) -> ConfigError {
    if let KeyError::OtherAlgorithm { found, wanted } = error {
        let (found, wanted) = (found.name(), wanted.name());
        let reason = format!("is {wanted}, and the first key of {} is for {found}", keys.name);
        return var::JWT_ALGORITHM.refused(&reason);
    }
    let is_default = matches!(error, KeyError::NotPem(_)) && algorithm.is_none();
    let by_default = if is_default { ", the default of JWT_ALGORITHM" } else { "" };
    ConfigError(format!("{}: {error}{by_default}", keys.name))
}
