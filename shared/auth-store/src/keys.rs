//! Where signing keys are kept.

use auth_token::{Algorithm, FlaskKeys, KeyError, KeyRing, VerifyingKeys};
use secrecy::SecretString;

use crate::{Aws, StoreError};

/// Where a function finds its signing keys, and what they must be.
#[derive(Clone, Debug)]
pub struct KeySource {
    /// Where they are.
    pub location: KeyLocation,
    /// The algorithm that the signing key must be for; `None` takes the key's own.
    pub algorithm: Option<Algorithm>,
}

/// Where keys are.
#[derive(Clone, Debug)]
pub enum KeyLocation {
    /// In Secrets Manager, as a private JWK set: `secretsmanager:GetSecretValue`.
    Secret {
        /// The secret's ARN.
        arn: String,
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

/// What checks tokens.
#[derive(Clone, Debug)]
pub struct TrustedKeys {
    /// The keys of our tokens.
    pub verifying: VerifyingKeys,
    /// The keys of a Flask service's tokens.
    pub flask: FlaskKeys,
}

/// Why there are no signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The secret could not be read.
    #[error("the signing keys' secret could not be read")]
    Unreadable(#[from] StoreError),
    /// The keys were read and are not usable.
    #[error("the signing keys are not usable: {0}")]
    Unusable(#[from] KeyError),
    /// There is a public key only.
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
    /// Reads the keys of a function that signs.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`].
    pub async fn load(&self, aws: &Aws) -> Result<KeyRing, KeySourceError> {
        let wanted = self.algorithm;
        let ring = match &self.location {
            KeyLocation::Secret { arn } => KeyRing::parse(&read_secret(aws, arn).await?)?,
            KeyLocation::JwkSet(jwk_set) => KeyRing::parse(jwk_set)?,
            KeyLocation::SharedSecret(secret) => {
                KeyRing::from_shared_secret(wanted.unwrap_or(Algorithm::Hs256), secret)?
            }
            KeyLocation::PrivatePem(pem) => {
                KeyRing::from_pem(wanted.unwrap_or(Algorithm::Es256), pem)?
            }
            KeyLocation::PublicPem(_) => return Err(KeySourceError::PublicOnly),
        };
        match wanted {
            Some(wanted) if wanted != ring.algorithm() => {
                Err(KeySourceError::OtherAlgorithm { found: ring.algorithm(), wanted })
            }
            _ => Ok(ring),
        }
    }

    /// Reads the keys of a function that only verifies.
    ///
    /// # Errors
    /// As [`KeySource::load`], but a public key will do.
    pub async fn load_trusted(&self, aws: &Aws) -> Result<TrustedKeys, KeySourceError> {
        if let KeyLocation::PublicPem(pem) = &self.location {
            let algorithm = self.algorithm.unwrap_or(Algorithm::Es256);
            let verifying = VerifyingKeys::from_pem(algorithm, pem)?;
            return Ok(TrustedKeys { verifying, flask: FlaskKeys::default() });
        }
        let ring = self.load(aws).await?;
        Ok(TrustedKeys { verifying: ring.verifying_keys(), flask: ring.flask_keys() })
    }
}

async fn read_secret(aws: &Aws, arn: &str) -> Result<SecretString, StoreError> {
    let client = aws_sdk_secretsmanager::Client::new(aws.settings().await);
    let request = client.get_secret_value().secret_id(arn);
    let answer = request.send().await.map_err(StoreError::unavailable)?;
    answer.secret_string.map(SecretString::from).ok_or(StoreError::Malformed("SecretString"))
}
