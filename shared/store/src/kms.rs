//! Encryption of the key ring's private keys with KMS.

use aws_sdk_kms::{Client, error::SdkError, operation::decrypt::DecryptError, primitives::Blob};
use latchkey_keys::{Open, RingError, Seal};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Aws, aws_error::ring_error};

/// The encryption context: a ciphertext decrypts only for its own `kid`, and other data that the
/// KMS key has encrypted never decrypts as a private key. `CloudTrail` logs it.
const PURPOSE: (&str, &str) = ("purpose", "latchkey-signing-key");
const KID: &str = "kid";

/// A symmetric KMS key.
#[derive(Clone, Debug)]
pub struct KmsKey {
    client: Client,
    arn: String,
}

impl KmsKey {
    /// The KMS key with this ARN.
    pub async fn connect(aws: &Aws, arn: String) -> Self {
        Self { client: Client::new(aws.settings().await), arn }
    }
}

impl Seal for KmsKey {
    async fn seal(&self, kid: &str, private: &SecretString) -> Result<Vec<u8>, RingError> {
        let answer = self
            .client
            .encrypt()
            .key_id(&self.arn)
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .encryption_context(KID, kid)
            .plaintext(Blob::new(private.expose_secret().as_bytes()))
            .send()
            .await
            .map_err(|error| ring_error(&error))?;
        let sealed = answer.ciphertext_blob.map(Blob::into_inner);
        sealed.ok_or_else(|| RingError::Unavailable("KMS returned no ciphertext".into()))
    }
}

impl Open for KmsKey {
    async fn open(&self, kid: &str, sealed: &[u8]) -> Result<SecretString, RingError> {
        let not_opened =
            |reason: &str| RingError::NotOpened { kid: kid.to_owned(), reason: reason.to_owned() };
        let request = self
            .client
            .decrypt()
            .key_id(&self.arn)
            .encryption_context(PURPOSE.0, PURPOSE.1)
            .encryption_context(KID, kid)
            .ciphertext_blob(Blob::new(sealed));
        let answer = match request.send().await.map_err(SdkError::into_service_error) {
            Ok(answer) => answer,
            Err(DecryptError::InvalidCiphertextException(_)) => {
                return Err(not_opened("KMS did not encrypt it, or for another `kid`"));
            }
            Err(DecryptError::IncorrectKeyException(_)) => {
                return Err(not_opened("another KMS key encrypted it"));
            }
            Err(other) => return Err(ring_error(&other)),
        };
        let opened = answer.plaintext.map(Blob::into_inner).unwrap_or_default();
        let text = String::from_utf8(opened).map_err(|_| not_opened("it is not UTF-8"))?;
        Ok(SecretString::from(text))
    }
}
