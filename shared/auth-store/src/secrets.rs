//! Secrets Manager: the signing keys' secret, and a Flask service's.

use aws_sdk_secretsmanager::{
    Client, error::SdkError, operation::get_secret_value::GetSecretValueError,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Aws, DescribeRings, FindRing, MoveRing, PutRing, RingStage, RingVersions, StartRotation,
    StoreError,
};

/// The versions of one secret.
#[derive(Clone, Debug)]
pub struct SecretRings {
    client: Client,
    arn: String,
}

impl SecretRings {
    /// The secret of that ARN.
    pub async fn connect(aws: &Aws, arn: String) -> Self {
        Self { client: Client::new(aws.settings().await), arn }
    }

    /// What the current version holds.
    pub(crate) async fn read_current(&self) -> Result<SecretString, StoreError> {
        let asked = self.client.get_secret_value().secret_id(&self.arn);
        let answer = asked.send().await.map_err(StoreError::unavailable)?;
        answer.secret_string.map(SecretString::from).ok_or(StoreError::Malformed("SecretString"))
    }
}

impl DescribeRings for SecretRings {
    async fn describe_rings(&self) -> Result<RingVersions, StoreError> {
        let asked = self.client.describe_secret().secret_id(&self.arn);
        let answer = asked.send().await.map_err(StoreError::unavailable)?;
        let versions = answer.version_ids_to_stages.unwrap_or_default();
        Ok(RingVersions(versions.into_iter().collect()))
    }
}

impl FindRing for SecretRings {
    async fn find_ring(&self, version: &str) -> Result<Option<SecretString>, StoreError> {
        let asked = self.client.get_secret_value().secret_id(&self.arn).version_id(version);
        match asked.send().await.map_err(SdkError::into_service_error) {
            Ok(answer) => {
                let text = answer.secret_string.ok_or(StoreError::Malformed("SecretString"))?;
                Ok(Some(SecretString::from(text)))
            }
            Err(GetSecretValueError::ResourceNotFoundException(_)) => Ok(None),
            Err(other) => Err(StoreError::unavailable(other)),
        }
    }
}

impl PutRing for SecretRings {
    async fn put_ring(
        &self,
        version: &str,
        stage: RingStage,
        ring: &SecretString,
    ) -> Result<(), StoreError> {
        self.client
            .put_secret_value()
            .secret_id(&self.arn)
            .client_request_token(version)
            .secret_string(ring.expose_secret())
            .version_stages(stage.name())
            .send()
            .await
            .map(drop)
            .map_err(StoreError::unavailable)
    }
}

impl MoveRing for SecretRings {
    async fn move_stage(
        &self,
        stage: RingStage,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), StoreError> {
        self.client
            .update_secret_version_stage()
            .secret_id(&self.arn)
            .version_stage(stage.name())
            .set_remove_from_version_id(from.map(str::to_owned))
            .set_move_to_version_id(to.map(str::to_owned))
            .send()
            .await
            .map(drop)
            .map_err(StoreError::unavailable)
    }
}

impl StartRotation for SecretRings {
    async fn start_rotation(&self) -> Result<(), StoreError> {
        let asked = self.client.rotate_secret().secret_id(&self.arn);
        asked.send().await.map(drop).map_err(StoreError::unavailable)
    }
}
