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
    PublishedText, PutRing, RingStage, RingVersions, StartRotation,
};
use auth_token::{KeyPolicy, OperationId, PublishedRing, SigningRing, Timestamp};
use serde_json::Value;

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
            Event::Step(step, version) => self.take_step(step, &version, now).await,
            Event::List => self.list().await,
            Event::Rotate => self.rotate().await,
            Event::Retire(kid) => self.retire(&kid, now).await,
        }
    }
}

impl<S: FindRing, T> Keys<S, T> {
    /// The ring of a version; `None` when the version, or its set of keys, is empty.
    async fn ring(&self, version: &str) -> Result<Option<SigningRing>, KeysError> {
        let Some(text) = self.secret.find_ring(version).await? else { return Ok(None) };
        Ok(SigningRing::parse(&text)?)
    }

    /// The ring that signs, and its version.
    async fn current_ring<'a>(
        &self,
        versions: &'a RingVersions,
    ) -> Result<(&'a str, SigningRing), KeysError> {
        let current = versions.in_stage(RingStage::Current).ok_or(KeysError::NoRing)?;
        let ring = self.ring(current).await?.ok_or(KeysError::NoRing)?;
        Ok((current, ring))
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
        if read.ring().is_ok_and(|published| published == *ring) {
            return Ok(PublishOutcome::Published);
        }
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
