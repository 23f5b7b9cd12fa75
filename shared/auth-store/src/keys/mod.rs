//! Where a function's keys are, and how it keeps them.

mod held;
mod kept;
mod reader;

use std::time::Duration;

use auth_token::{Algorithm, FlaskKeys, KeyError, KeyRing, Timestamp, VerifyingKeys};
use secrecy::SecretString;

pub use kept::KeptKeys;
use kept::OnNonsense;
use reader::{KeyPlace, KeyReader, KeyTexts};

use crate::{Aws, StoreError};

/// Where a function finds its keys, and what they must be.
#[derive(Clone, Debug)]
pub struct KeySource {
    /// Where they are.
    pub location: KeyLocation,
    /// The algorithm that the signing key must be for; `None` takes the key's own.
    pub algorithm: Option<Algorithm>,
    /// The ARN of a secret with a Flask service's keys: `secretsmanager:GetSecretValue`.
    pub flask_secret: Option<String>,
    /// How old keys may become that are not at hand.
    pub max_age: Duration,
}

/// Where keys are.
#[derive(Clone, Debug)]
pub enum KeyLocation {
    /// In Secrets Manager, as a private JWK set: `secretsmanager:GetSecretValue`.
    Secret {
        /// The secret's ARN.
        arn: String,
    },
    /// In the keys table, as public JWKs: `dynamodb:GetItem`.
    Table {
        /// The table's name.
        name: String,
    },
    /// At hand, as a private JWK set.
    JwkSet(SecretString),
    /// At hand, as a secret that another service shares; for HS256 unless said otherwise.
    SharedSecret(SecretString),
    /// At hand, as a private key in PEM; for ES256 unless said otherwise.
    PrivatePem(SecretString),
    /// At hand, as a public key in PEM; for ES256 unless said otherwise.
    PublicPem(String),
}

impl KeyLocation {
    /// Whether the keys are in the configuration itself.
    pub const fn is_static(&self) -> bool {
        match self {
            Self::Secret { .. } | Self::Table { .. } => false,
            Self::JwkSet(_) | Self::SharedSecret(_) | Self::PrivatePem(_) | Self::PublicPem(_) => {
                true
            }
        }
    }
}

/// What checks tokens.
#[derive(Clone, Debug)]
pub struct TrustedKeys {
    /// The keys of our tokens.
    pub verifying: VerifyingKeys,
    /// The keys of a Flask service's tokens.
    pub flask: FlaskKeys,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The secret or the table could not be read.
    #[error("the keys could not be read")]
    Unreadable(#[from] StoreError),
    /// The table holds no ring: none was made yet.
    #[error("no keys have been published yet")]
    NotPublished,
    /// The keys were read and are not usable.
    #[error("the keys are not usable: {0}")]
    Unusable(#[from] KeyError),
    /// There are public keys only.
    #[error("a public key cannot sign")]
    PublicOnly,
    /// The key that would sign is for another algorithm than the configured one.
    #[error("the signing key is for {}, and {} is configured", found.name(), wanted.name())]
    OtherAlgorithm {
        /// The key's algorithm.
        found: Algorithm,
        /// The configured algorithm.
        wanted: Algorithm,
    },
}

impl KeySource {
    /// Reads the keys of a function that signs, and keeps what `make` makes of them and of a Flask
    /// service's keys. Keys that are not at hand are read anew by age, and a fault now leaves them
    /// to the first request.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`] for keys at hand, which no waiting can mend.
    pub async fn keep_signing<K: Send + Sync + 'static>(
        self,
        aws: &Aws,
        now: Timestamp,
        make: impl Fn(KeyRing, FlaskKeys) -> K + Send + Sync + 'static,
    ) -> Result<KeptKeys<K>, KeySourceError> {
        let wanted = self.algorithm;
        let make = move |ring: KeyRing, flask: FlaskKeys| {
            let ring = expect_algorithm(ring, wanted)?;
            let flask = ring.flask_keys().and(flask);
            Ok(make(ring, flask))
        };
        let Some(place) = KeyPlace::of(&self.location, aws).await else {
            return make(self.at_hand()?, FlaskKeys::default()).map(KeptKeys::fixed);
        };
        let reader = KeyReader::new(place, self.flask_secret, aws).await;
        let make = move |texts: &KeyTexts| make(texts.ring()?, texts.flask_keys());
        Ok(KeptKeys::start(reader, self.max_age, OnNonsense::Forget, make, now).await)
    }

    /// Reads the keys of a function that only verifies; otherwise as [`KeySource::keep_signing`].
    ///
    /// # Errors
    /// As [`KeySource::keep_signing`], but public keys will do.
    pub async fn keep_trusted<K: Send + Sync + 'static>(
        self,
        aws: &Aws,
        now: Timestamp,
        make: impl Fn(TrustedKeys) -> K + Send + Sync + 'static,
    ) -> Result<KeptKeys<K>, KeySourceError> {
        let Some(place) = KeyPlace::of(&self.location, aws).await else {
            return self.trusted_at_hand().map(make).map(KeptKeys::fixed);
        };
        let wanted = self.algorithm;
        let reader = KeyReader::new(place, self.flask_secret, aws).await;
        let make = move |texts: &KeyTexts| {
            let TrustedKeys { verifying, flask } = texts.trusted(wanted)?;
            Ok(make(TrustedKeys { verifying, flask: flask.and(texts.flask_keys()) }))
        };
        Ok(KeptKeys::start(reader, self.max_age, OnNonsense::KeepLast, make, now).await)
    }

    /// Checks the static keys of a function that signs. Keys that have to be read pass.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`] but `Unreadable` and `NotPublished`.
    pub fn check_signing(&self) -> Result<(), KeySourceError> {
        if self.location.is_static() {
            expect_algorithm(self.at_hand()?, self.algorithm)?;
        }
        Ok(())
    }

    /// Checks the static keys of a function that only verifies. Keys that have to be read pass.
    ///
    /// # Errors
    /// As [`KeySource::check_signing`], but public keys will do.
    pub fn check_trusted(&self) -> Result<(), KeySourceError> {
        if self.location.is_static() {
            self.trusted_at_hand()?;
        }
        Ok(())
    }

    /// The ring of keys that are at hand.
    fn at_hand(&self) -> Result<KeyRing, KeySourceError> {
        let algorithm = |default| self.algorithm.unwrap_or(default);
        Ok(match &self.location {
            KeyLocation::JwkSet(jwk_set) => KeyRing::parse(jwk_set)?,
            KeyLocation::SharedSecret(secret) => {
                KeyRing::from_shared_secret(algorithm(Algorithm::Hs256), secret)?
            }
            KeyLocation::PrivatePem(pem) => KeyRing::from_pem(algorithm(Algorithm::Es256), pem)?,
            KeyLocation::PublicPem(_) | KeyLocation::Table { .. } | KeyLocation::Secret { .. } => {
                return Err(KeySourceError::PublicOnly);
            }
        })
    }

    fn trusted_at_hand(&self) -> Result<TrustedKeys, KeySourceError> {
        if let KeyLocation::PublicPem(pem) = &self.location {
            let algorithm = self.algorithm.unwrap_or(Algorithm::Es256);
            let verifying = VerifyingKeys::from_pem(algorithm, pem)?;
            return Ok(TrustedKeys { verifying, flask: FlaskKeys::default() });
        }
        expect_algorithm(self.at_hand()?, self.algorithm).map(|ring| TrustedKeys::of(&ring))
    }
}

impl TrustedKeys {
    fn of(ring: &KeyRing) -> Self {
        Self { verifying: ring.verifying_keys(), flask: ring.flask_keys() }
    }
}

fn expect_algorithm(ring: KeyRing, wanted: Option<Algorithm>) -> Result<KeyRing, KeySourceError> {
    match wanted {
        Some(wanted) if wanted != ring.algorithm() => {
            Err(KeySourceError::OtherAlgorithm { found: ring.algorithm(), wanted })
        }
        _ => Ok(ring),
    }
}
