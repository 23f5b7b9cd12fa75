//! What operators ask for.

use auth_store::{
    DescribeRings, FindPublishedRing, FindRing, MoveRing, PublishOutcome, PublishRing, PutRing,
    RingStage, StartRotation,
};
use auth_token::{OperationId, PublishedRing, SigningRing, Timestamp};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::{Keys, KeysError};

/// The ring that signs, without a key that nobody shall trust.
struct Without {
    ring: SigningRing,
    /// Whether the key was taken from it just now.
    had_it: bool,
}

/// How often a change is tried anew when somebody else changes the same.
const MAX_TRIES: usize = 4;

impl<
    S: DescribeRings + FindRing + PutRing + MoveRing + StartRotation,
    T: FindPublishedRing + PublishRing,
> Keys<S, T>
{
    /// The published keys, and whether they are those of the secret.
    pub(crate) async fn list(&self) -> Result<Value, KeysError> {
        let published = self.published().await?.ring()?;
        let versions = self.secret.describe_rings().await?;
        let agrees = match self.current_ring(&versions).await {
            Ok(ring) => ring.published() == published,
            Err(KeysError::NoRing | KeysError::Secret(_)) => false,
            Err(fault) => return Err(fault),
        };
        Ok(self.listed(&published, agrees))
    }

    fn listed(&self, published: &PublishedRing, agree: bool) -> Value {
        json!({ "keys": published.keys, "agree": agree, "max_age": self.max_age.as_secs() })
    }

    /// Asks for a rotation, whose steps then come by themselves.
    pub(crate) async fn rotate(&self) -> Result<Value, KeysError> {
        self.secret.start_rotation().await?;
        info!("rotation started");
        Ok(json!({ "started": true }))
    }

    /// Takes a key out of use. The secret changes first, so that nothing signs with it any more
    /// when it is taken from verifiers; called again it completes what was interrupted.
    pub(crate) async fn retire(&self, kid: &str, now: Timestamp) -> Result<Value, KeysError> {
        let without = self.take_from_secret(kid, now).await?;
        self.take_from_table(&without, kid, now).await?;
        self.cancel_rotation().await?;
        warn!(kid, "key retired");
        Ok(self.listed(&without.ring.published(), true))
    }

    /// The current ring without the key.
    async fn take_from_secret(&self, kid: &str, now: Timestamp) -> Result<Without, KeysError> {
        for _ in 0..MAX_TRIES {
            let versions = self.secret.describe_rings().await?;
            let current = versions.in_stage(RingStage::Current).ok_or(KeysError::NoRing)?;
            let ring = self.ring(current).await?.ok_or(KeysError::NoRing)?;
            let Some(without) = ring.clone().without(kid, current, self.policy, now)? else {
                return Ok(Without { ring, had_it: false });
            };
            // Two of them, because a version's name has 32 characters or more.
            let version = format!("{}{}", OperationId::generate()?, OperationId::generate()?);
            self.secret.put_ring(&version, RingStage::Retiring, &without.to_secret()).await?;
            match self.make_current(Some(current), &version).await {
                Ok(()) => return Ok(Without { ring: without, had_it: true }),
                Err(KeysError::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(KeysError::Conflict)
    }

    async fn take_from_table(
        &self,
        Without { ring, had_it }: &Without,
        kid: &str,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        let ours = ring.published();
        for _ in 0..MAX_TRIES {
            let published = self.published().await?;
            // Not in the secret and still published: an earlier try came so far, or it is the key
            // of a rotation under way. A table that cannot be read may hold anything.
            let has_it = published
                .ring()
                .map_or(true, |ring| ring.keys.iter().any(|key| key.jwk.kid == kid));
            if !had_it && !has_it {
                return Err(KeysError::UnknownKey(kid.to_owned()));
            }
            match self.publish(&ours, &published, now).await? {
                PublishOutcome::Published => return Ok(()),
                PublishOutcome::Changed => {}
            }
        }
        Err(KeysError::Conflict)
    }

    /// A ring that was made from the one before would bring the key back; it can no longer become
    /// current, and must not keep the next rotation waiting.
    async fn cancel_rotation(&self) -> Result<(), KeysError> {
        let Some(pending) = self.rotation_under_way().await? else { return Ok(()) };
        let cancelled = self.secret.move_stage(RingStage::Pending, Some(&pending), None).await;
        let Err(fault) = cancelled else { return Ok(()) };
        // It may have noticed by itself that it has been overtaken.
        match self.rotation_under_way().await? {
            Some(still) if still == pending => Err(fault.into()),
            _ => Ok(()),
        }
    }

    /// The version that a rotation is making and has not made current.
    async fn rotation_under_way(&self) -> Result<Option<String>, KeysError> {
        let versions = self.secret.describe_rings().await?;
        let current = versions.in_stage(RingStage::Current);
        let pending = versions.in_stage(RingStage::Pending).filter(|id| Some(*id) != current);
        Ok(pending.map(str::to_owned))
    }
}
