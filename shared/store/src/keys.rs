//! Where a function's keys are.

mod source;

use std::time::Duration;

use latchkey_keys::{KeyCache, RingError};
use latchkey_token::{Algorithm, FlaskKeys, KeyError, KeySet, Timestamp, VerifyingKeys};
use secrecy::SecretString;

use crate::{Aws, DynamoKeyRing, secrets::Secret};
use source::{PublicHalves, Source, WholeRing};

/// Where a function finds its keys, and what they must be.
#[derive(Clone, Debug)]
pub struct KeySource {
    /// Where they are.
    pub location: KeyLocation,
    /// The algorithm that the signing key of static keys must be for; `None` takes the key's own.
    pub algorithm: Option<Algorithm>,
    /// The ARN of a secret with a Flask service's keys: `secretsmanager:GetSecretValue`.
    pub flask_secret: Option<String>,
    /// The age at which cached keys are stale.
    pub max_age: Duration,
}

/// Where keys are.
#[derive(Clone, Debug)]
pub enum KeyLocation {
    /// In the key ring: `dynamodb:GetItem` on the keys table.
    Ring {
        /// The table's name.
        table: String,
        /// What a function that signs needs besides; `None` for one that only verifies.
        signing: Option<RingSigning>,
    },
    /// In Secrets Manager, as a private JWK set: `secretsmanager:GetSecretValue`.
    Secret {
        /// The secret's ARN.
        arn: String,
    },
    /// Static, as a private JWK set.
    JwkSet(SecretString),
    /// Static, as a secret that another service shares; for HS256 unless said otherwise.
    SharedSecret(SecretString),
    /// Static, as a private key in PEM; for ES256 unless said otherwise.
    PrivatePem(SecretString),
    /// Static, as a public key in PEM; for ES256 unless said otherwise.
    PublicPem(String),
}

/// How a function signs with the key ring.
#[derive(Clone, Debug)]
pub struct RingSigning {
    /// The ARN of the KMS key that sealed the private halves: `kms:Decrypt`.
    pub kms_key: String,
    /// For a function that makes the first ring, the algorithm of its key: `kms:Encrypt` and
    /// `dynamodb:PutItem`. Without it a missing ring is an error.
    pub first: Option<Algorithm>,
}

impl KeyLocation {
    /// Whether the keys are in the configuration itself.
    pub const fn is_static(&self) -> bool {
        match self {
            Self::Ring { .. } | Self::Secret { .. } => false,
            Self::JwkSet(_) | Self::SharedSecret(_) | Self::PrivatePem(_) | Self::PublicPem(_) => {
                true
            }
        }
    }

    fn static_keys(&self, algorithm: Option<Algorithm>) -> Result<KeySet, KeySourceError> {
        let algorithm = |default| algorithm.unwrap_or(default);
        Ok(match self {
            Self::JwkSet(jwk_set) => KeySet::parse(jwk_set)?,
            Self::SharedSecret(secret) => {
                KeySet::from_shared_secret(algorithm(Algorithm::Hs256), secret)?
            }
            Self::PrivatePem(pem) => KeySet::from_pem(algorithm(Algorithm::Es256), pem)?,
            Self::PublicPem(_) | Self::Ring { .. } | Self::Secret { .. } => {
                return Err(KeySourceError::PublicOnly);
            }
        })
    }

    fn static_trusted_keys(
        &self,
        algorithm: Option<Algorithm>,
    ) -> Result<TrustedKeys, KeySourceError> {
        if let Self::PublicPem(pem) = self {
            let verifying = VerifyingKeys::from_pem(algorithm.unwrap_or(Algorithm::Es256), pem)?;
            return Ok(TrustedKeys { verifying, flask: FlaskKeys::default() });
        }
        expect_algorithm(self.static_keys(algorithm)?, algorithm).map(|keys| TrustedKeys::of(&keys))
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

/// Why static keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// A key is not valid.
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
    /// A cache of what `make` makes of the keys of a function that signs, and of a Flask service's
    /// keys. A fault of AWS now leaves the keys to the first request.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`] for static keys.
    pub async fn connect_signing<K: Send + Sync + 'static>(
        self,
        aws: &Aws,
        now: Timestamp,
        make: impl Fn(KeySet, FlaskKeys) -> K + Send + Sync + 'static,
    ) -> Result<KeyCache<K>, KeySourceError> {
        let make = move |keys: KeySet, flask: FlaskKeys| {
            let flask = keys.flask_keys().and(flask);
            make(keys, flask)
        };
        let Self { location, algorithm, flask_secret, max_age } = self;
        match location {
            KeyLocation::Ring { table, signing: Some(signing) } => {
                let ring = WholeRing::connect(aws, table, signing).await;
                let make = move |keys, flask| Ok(make(keys, flask));
                let source = Source::connect(ring, flask_secret, aws, make).await;
                Ok(KeyCache::start(source, max_age, now).await)
            }
            KeyLocation::Secret { arn } => {
                let secret = Secret::connect(aws, arn).await;
                let make = move |keys, flask| Ok(make(fetched(keys, algorithm)?, flask));
                let source = Source::connect(secret, flask_secret, aws, make).await;
                Ok(KeyCache::start(source, max_age, now).await)
            }
            KeyLocation::Ring { signing: None, .. } | KeyLocation::PublicPem(_) => {
                Err(KeySourceError::PublicOnly)
            }
            KeyLocation::JwkSet(_) | KeyLocation::SharedSecret(_) | KeyLocation::PrivatePem(_) => {
                let keys = expect_algorithm(location.static_keys(algorithm)?, algorithm)?;
                Ok(KeyCache::fixed(make(keys, FlaskKeys::default())))
            }
        }
    }

    /// The same of a function that only verifies.
    ///
    /// # Errors
    /// As [`KeySource::connect_signing`], but public keys will do.
    pub async fn connect_trusted<K: Send + Sync + 'static>(
        self,
        aws: &Aws,
        now: Timestamp,
        make: impl Fn(TrustedKeys) -> K + Send + Sync + 'static,
    ) -> Result<KeyCache<K>, KeySourceError> {
        let Self { location, algorithm, flask_secret, max_age } = self;
        match location {
            KeyLocation::Ring { table, .. } => {
                let ring = PublicHalves(DynamoKeyRing::connect(aws, table).await);
                let make = move |verifying, flask| Ok(make(TrustedKeys { verifying, flask }));
                let source = Source::connect(ring, flask_secret, aws, make).await;
                Ok(KeyCache::start(source, max_age, now).await)
            }
            KeyLocation::Secret { arn } => {
                let secret = Secret::connect(aws, arn).await;
                let make = move |keys, flask| {
                    let TrustedKeys { verifying, flask: own } =
                        TrustedKeys::of(&fetched(keys, algorithm)?);
                    Ok(make(TrustedKeys { verifying, flask: own.and(flask) }))
                };
                let source = Source::connect(secret, flask_secret, aws, make).await;
                Ok(KeyCache::start(source, max_age, now).await)
            }
            KeyLocation::JwkSet(_)
            | KeyLocation::SharedSecret(_)
            | KeyLocation::PrivatePem(_)
            | KeyLocation::PublicPem(_) => {
                location.static_trusted_keys(algorithm).map(make).map(KeyCache::fixed)
            }
        }
    }

    /// Checks the static keys of a function that signs. Keys that are fetched pass.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`].
    pub fn check_signing(&self) -> Result<(), KeySourceError> {
        if self.location.is_static() {
            expect_algorithm(self.location.static_keys(self.algorithm)?, self.algorithm)?;
        }
        Ok(())
    }

    /// Checks the static keys of a function that only verifies. Keys that are fetched pass.
    ///
    /// # Errors
    /// As [`KeySource::check_signing`], but public keys will do.
    pub fn check_trusted(&self) -> Result<(), KeySourceError> {
        if self.location.is_static() {
            self.location.static_trusted_keys(self.algorithm)?;
        }
        Ok(())
    }
}

impl TrustedKeys {
    fn of(keys: &KeySet) -> Self {
        Self { verifying: keys.verifying_keys(), flask: keys.flask_keys() }
    }
}

fn expect_algorithm(keys: KeySet, wanted: Option<Algorithm>) -> Result<KeySet, KeySourceError> {
    match wanted {
        Some(wanted) if wanted != keys.algorithm() => {
            Err(KeySourceError::OtherAlgorithm { found: keys.algorithm(), wanted })
        }
        _ => Ok(keys),
    }
}

/// Keys that were fetched and are not for the configured algorithm are invalid, until others are.
fn fetched(keys: KeySet, wanted: Option<Algorithm>) -> Result<KeySet, RingError> {
    expect_algorithm(keys, wanted).map_err(|error| RingError::Invalid(error.to_string()))
}
