//! Where a function's keys are.

mod source;

use std::time::Duration;

use latchkey_keys::KeyCache;
use latchkey_token::{Algorithm, KeyError, KeySet, SigningKey, Timestamp};
use secrecy::SecretString;

use crate::{Aws, DynamoKeyRing};
use source::{Place, PublicHalves, SecretKeys, Source, WholeRing};

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
    /// The key cache of a function that signs. If AWS does not answer now, the first request
    /// fetches the keys.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`] for static keys.
    pub async fn connect_signing(
        self,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<KeyCache, KeySourceError> {
        if let Some(keys) = self.static_signing_keys()? {
            return Ok(KeyCache::fixed(keys));
        }
        let Self { location, algorithm, flask_secret, max_age } = self;
        match location {
            KeyLocation::Ring { table, signing: Some(signing) } => {
                let ring = WholeRing::connect(aws, table, signing).await;
                Ok(start_cache(ring, flask_secret, max_age, aws, now).await)
            }
            KeyLocation::Secret { arn } => {
                let secret = SecretKeys::connect(aws, arn, algorithm).await;
                Ok(start_cache(secret, flask_secret, max_age, aws, now).await)
            }
            KeyLocation::Ring { signing: None, .. }
            | KeyLocation::JwkSet(_)
            | KeyLocation::SharedSecret(_)
            | KeyLocation::PrivatePem(_)
            | KeyLocation::PublicPem(_) => PUBLIC_ONLY,
        }
    }

    /// The key cache of a function that only verifies.
    ///
    /// # Errors
    /// As [`KeySource::connect_signing`], but public keys will do.
    pub async fn connect_verifying(
        self,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<KeyCache, KeySourceError> {
        if let Some(keys) = self.static_keys()? {
            return Ok(KeyCache::fixed(keys));
        }
        let Self { location, algorithm, flask_secret, max_age } = self;
        match location {
            KeyLocation::Ring { table, .. } => {
                let ring = PublicHalves(DynamoKeyRing::connect(aws, table).await);
                Ok(start_cache(ring, flask_secret, max_age, aws, now).await)
            }
            KeyLocation::Secret { arn } => {
                let secret = SecretKeys::connect(aws, arn, algorithm).await;
                Ok(start_cache(secret, flask_secret, max_age, aws, now).await)
            }
            KeyLocation::JwkSet(_)
            | KeyLocation::SharedSecret(_)
            | KeyLocation::PrivatePem(_)
            | KeyLocation::PublicPem(_) => PUBLIC_ONLY,
        }
    }

    /// Checks the static keys of a function that signs. Keys that are fetched pass.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`].
    pub fn check_signing(&self) -> Result<(), KeySourceError> {
        self.static_signing_keys().map(drop)
    }

    /// Checks the static keys of a function that only verifies. Keys that are fetched pass.
    ///
    /// # Errors
    /// As [`KeySource::check_signing`], but public keys will do.
    pub fn check_trusted(&self) -> Result<(), KeySourceError> {
        self.static_keys().map(drop)
    }

    /// The keys of a function that signs, if they are in the configuration itself.
    fn static_signing_keys(&self) -> Result<Option<KeySet>, KeySourceError> {
        match self.static_keys()? {
            Some(keys) if keys.signing().is_none() => Err(KeySourceError::PublicOnly),
            keys => Ok(keys),
        }
    }

    /// The keys if they are in the configuration itself.
    fn static_keys(&self) -> Result<Option<KeySet>, KeySourceError> {
        let algorithm = |default| self.algorithm.unwrap_or(default);
        let keys = match &self.location {
            KeyLocation::JwkSet(jwk_set) => KeySet::parse(jwk_set)?,
            KeyLocation::SharedSecret(secret) => {
                KeySet::from_shared_secret(algorithm(Algorithm::Hs256), secret)?
            }
            KeyLocation::PrivatePem(pem) => KeySet::from_pem(algorithm(Algorithm::Es256), pem)?,
            KeyLocation::PublicPem(pem) => {
                KeySet::from_public_pem(algorithm(Algorithm::Es256), pem)?
            }
            KeyLocation::Ring { .. } | KeyLocation::Secret { .. } => return Ok(None),
        };
        expect_algorithm(keys, self.algorithm).map(Some)
    }
}

/// The cache of keys that are fetched from `place`, and a legacy service's beside them.
async fn start_cache(
    place: impl Place + 'static,
    legacy_secret: Option<String>,
    max_age: Duration,
    aws: &Aws,
    now: Timestamp,
) -> KeyCache {
    KeyCache::start(Source::connect(place, legacy_secret, aws).await, max_age, now).await
}

const PUBLIC_ONLY: Result<KeyCache, KeySourceError> = Err(KeySourceError::PublicOnly);

fn expect_algorithm(keys: KeySet, wanted: Option<Algorithm>) -> Result<KeySet, KeySourceError> {
    let found = keys.signing().map(SigningKey::algorithm);
    match (found, wanted) {
        (Some(found), Some(wanted)) if found != wanted => {
            Err(KeySourceError::OtherAlgorithm { found, wanted })
        }
        _ => Ok(keys),
    }
}
