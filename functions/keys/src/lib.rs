//! The signing keys: makes them, rotates them, and takes them out of use.
//!
//! Secrets Manager calls it for the four steps of a rotation, an operator for the rest. It is the
//! only function that writes keys, and nobody but Secrets Manager ever sees a private one.

mod error;
mod event;
mod operator;
mod steps;

use std::time::Duration;

use auth_store::{
    DescribeRings, FindPublishedRing, FindRing, MoveRing, Publication, PublishOutcome, PublishRing,
    PublishedText, PutRing, RingStage, RingVersions, StartRotation, StoreError,
};
use auth_token::{KeyPolicy, OperationId, PublishedRing, SigningRing, Timestamp};
use serde_json::{Value, json};

pub use error::KeysError;
use event::Event;

/// Everything that the function may touch. Its bounds are its policy: on the signing keys' secret
/// `DescribeRings` is `secretsmanager:DescribeSecret`, `FindRing` is `GetSecretValue`, `PutRing` is
/// `PutSecretValue`, `MoveRing` is `UpdateSecretVersionStage` and `StartRotation` is `RotateSecret`;
/// on the keys table `FindPublishedRing` is `dynamodb:GetItem` and `PublishRing` is `PutItem`.
#[derive(Debug)]
pub struct Keys<S, T> {
    /// Where the private ring is.
    pub secret: S,
    /// Where the public one is.
    pub table: T,
    /// The secret's ARN, which a rotation must be of.
    pub secret_arn: String,
    /// How rings are made.
    pub policy: KeyPolicy,
    /// After what time the other functions have read a new ring.
    pub max_age: Duration,
}

impl<
    S: DescribeRings + FindRing + PutRing + MoveRing + StartRotation,
    T: FindPublishedRing + PublishRing,
> Keys<S, T>
{
    /// Answers a step of a rotation, or an operator.
    ///
    /// # Errors
    /// Every variant of [`KeysError`]; what was done by then is completed by the next try.
    pub async fn handle(&self, event: Value, now: Timestamp) -> Result<Value, KeysError> {
        match Event::parse(event, &self.secret_arn)? {
            Event::Step(step, version) => {
                self.take_step(step, &version, now).await?;
                Ok(json!({}))
            }
            Event::List => Ok(json!(self.list().await?)),
            Event::Rotate => {
                self.rotate(now).await?;
                Ok(json!({ "started": true }))
            }
            Event::Retire(kid) => Ok(json!(self.retire(&kid, now).await?)),
        }
    }
}

impl<S: FindRing, T> Keys<S, T> {
    /// The ring of a version; `None` when the version, or its set of keys, is empty.
    async fn ring(&self, version: &str) -> Result<Option<SigningRing>, KeysError> {
        let Some(text) = self.secret.find_ring(version).await? else { return Ok(None) };
        SigningRing::parse(&text).map_err(KeysError::Secret)
    }

    /// The ring that signs, and its version.
    async fn current_ring<'a>(
        &self,
        versions: &'a RingVersions,
    ) -> Result<(&'a str, SigningRing), KeysError> {
        let current = versions.in_stage(RingStage::Current).ok_or(KeysError::NoRing)?;
        let text = self.secret.find_ring(current).await?;
        // A current version has a value: this reading has missed it, and is no reason to make
        // another ring.
        let text = text.ok_or(StoreError::Malformed("SecretString"))?;
        let ring = SigningRing::parse(&text).map_err(KeysError::Secret)?;
        Ok((current, ring.ok_or(KeysError::NoRing)?))
    }
}

impl<S, T: FindPublishedRing> Keys<S, T> {
    async fn published(&self) -> Result<Published, KeysError> {
        Ok(Published(self.table.find_published_ring().await?))
    }
}

impl<S, T: PublishRing> Keys<S, T> {
    /// Publishes `ring` in place of what was read.
    async fn publish(
        &self,
        ring: &PublishedRing,
        read: &Published,
        now: Timestamp,
    ) -> Result<PublishOutcome, KeysError> {
        let version = OperationId::generate()?;
        let publication = Publication { ring, replaces: read.version(), version: &version, now };
        Ok(self.table.publish_ring(&publication).await?)
    }
}

/// The public ring as it was read; `None` when none was published.
struct Published(Option<PublishedText>);

impl Published {
    fn ring(&self) -> Result<PublishedRing, KeysError> {
        let parse = |found: &PublishedText| PublishedRing::parse(&found.text);
        let ring = self.0.as_ref().map(parse).transpose().map_err(KeysError::Table)?;
        Ok(ring.unwrap_or_default())
    }

    fn version(&self) -> Option<&str> {
        self.0.as_ref().map(|found| found.version.as_str())
    }
}

impl<S: DescribeRings + MoveRing, T> Keys<S, T> {
    /// Makes `version` current in place of `current`, and in place of no other.
    async fn make_current(&self, current: Option<&str>, version: &str) -> Result<(), KeysError> {
        let moved = self.secret.move_stage(RingStage::Current, current, Some(version)).await;
        let Err(fault) = moved else { return Ok(()) };
        // Our own move may have been carried out, and its reply lost.
        let versions = self.secret.describe_rings().await?;
        match versions.in_stage(RingStage::Current) {
            Some(now_current) if now_current == version => Ok(()),
            now_current if now_current == current => Err(fault.into()),
            _ => Err(KeysError::Conflict),
        }
    }

    /// Takes `version` out of a stage, which others or Secrets Manager itself may have done before.
    async fn leave_stage(&self, stage: RingStage, version: &str) -> Result<(), KeysError> {
        let Err(fault) = self.secret.move_stage(stage, Some(version), None).await else {
            return Ok(());
        };
        let versions = self.secret.describe_rings().await?;
        let is_out = versions.in_stage(stage) != Some(version);
        if is_out { Ok(()) } else { Err(fault.into()) }
    }
}
