//! Secrets Manager: static keys, and the keys of a Flask service.

use aws_sdk_secretsmanager::Client;
use latchkey_keys::RingError;
use secrecy::SecretString;

use crate::{Aws, aws_error::ring_error};

/// A secret in Secrets Manager.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    client: Client,
    arn: String,
}

impl Secret {
    pub(crate) async fn connect(aws: &Aws, arn: String) -> Self {
        Self { client: Client::new(aws.settings().await), arn }
    }

    /// The text of the current version.
    pub(crate) async fn read(&self) -> Result<SecretString, RingError> {
        let request = self.client.get_secret_value().secret_id(&self.arn);
        let answer = request.send().await.map_err(|error| ring_error(&error))?;
        let text = answer.secret_string.map(SecretString::from);
        text.ok_or_else(|| RingError::Invalid("the secret holds no text".to_owned()))
    }
}
