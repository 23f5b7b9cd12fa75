//! What can be done with a deployment's keys: a trait a capability.

use std::{collections::BTreeMap, future::Future};

use auth_token::{OperationId, PublishedRing, Timestamp};
use secrecy::SecretString;

use crate::StoreError;

/// The public keys as they are kept for verifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedText {
    /// A JWK set whose keys have a `state`.
    pub text: String,
    /// Changes with every write.
    pub version: String,
}

/// `dynamodb:GetItem` on the keys table.
pub trait FindPublishedRing {
    /// The public keys, read consistently; `None` when none were published.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_published_ring(
        &self,
    ) -> impl Future<Output = Result<Option<PublishedText>, StoreError>> + Send;
}

/// Public keys to be published, on condition that nobody else has published any since.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The keys.
    pub ring: &'a PublishedRing,
    /// The version that was read; `None` where there was none.
    pub replaces: Option<&'a str>,
    /// The new version.
    pub version: &'a OperationId,
    /// When.
    pub now: Timestamp,
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The keys are public, by this call or by an earlier delivery of it whose reply was lost.
    Published,
    /// Nothing was written: others were published meanwhile.
    Changed,
}

/// `dynamodb:PutItem` on the keys table.
pub trait PublishRing {
    /// Replaces the public keys whole.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; they may then have been replaced or not.
    fn publish_ring(
        &self,
        publication: &Publication<'_>,
    ) -> impl Future<Output = Result<PublishOutcome, StoreError>> + Send;
}

/// The versions of the signing keys' secret by their names, each with its stages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RingVersions(pub BTreeMap<String, Vec<String>>);

/// What a version of the secret is to the functions that sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingStage {
    /// They read this one.
    Current,
    /// A rotation is making this one.
    Pending,
    /// This one is to become current in place of a ring with a key that nobody shall trust.
    Retiring,
}

impl RingStage {
    /// The name that Secrets Manager knows it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Retiring => "LATCHKEY_RETIRING",
        }
    }
}

impl RingVersions {
    /// The version in that stage.
    pub fn in_stage(&self, stage: RingStage) -> Option<&str> {
        let has_stage = |stages: &Vec<String>| stages.iter().any(|name| name == stage.name());
        self.0.iter().find(|(_, stages)| has_stage(stages)).map(|(version, _)| version.as_str())
    }
}

/// `secretsmanager:DescribeSecret` on the signing keys secret.
pub trait DescribeRings {
    /// The versions that there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn describe_rings(&self) -> impl Future<Output = Result<RingVersions, StoreError>> + Send;
}

/// `secretsmanager:GetSecretValue` on the signing keys secret.
pub trait FindRing {
    /// The ring of that version; `None` when nothing was put into it yet.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_ring(
        &self,
        version: &str,
    ) -> impl Future<Output = Result<Option<SecretString>, StoreError>> + Send;
}

/// `secretsmanager:PutSecretValue` on the signing keys secret.
pub trait PutRing {
    /// Puts a ring into a version that holds none, or the same one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also when the version holds another ring.
    fn put_ring(
        &self,
        version: &str,
        stage: RingStage,
        ring: &SecretString,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// `secretsmanager:UpdateSecretVersionStage` on the signing keys secret.
pub trait MoveRing {
    /// Moves a stage from the version that has it, which must be `from`, to another, or away.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also when another version has the stage.
    fn move_stage(
        &self,
        stage: RingStage,
        from: Option<&str>,
        to: Option<&str>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// `secretsmanager:RotateSecret` on the signing keys secret.
pub trait StartRotation {
    /// Asks for a rotation, which then runs by itself.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also while one is under way.
    fn start_rotation(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
