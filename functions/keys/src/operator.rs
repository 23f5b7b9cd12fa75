//! What operators ask for.

use auth_store::{
    DescribeRings, FindPublishedRing, FindRing, MoveRing, PublishOutcome, PublishRing, PutRing,
    RingStage, StartRotation,
};
use auth_token::{PublishedRing, SigningRing, Timestamp};
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::{Keys, KeysError};

/// How often a change is tried anew when somebody else changes the same.
const MAX_TRIES: usize = 4;

impl<
    S: DescribeRings + FindRing + PutRing + MoveRing + StartRotation,
    T: FindPublishedRing + PublishRing,
> Keys<S, T>
{
    /// The published keys, or the secret's where those cannot be read, and what is wrong with
    /// either.
    pub(crate) async fn list(&self) -> Result<Value, KeysError> {
        let published = self.published().await?.ring();
        let versions = self.secret.describe_rings().await?;
        let ring = match self.current_ring(&versions).await {
            Err(KeysError::NoRing) => Ok(None),
            found => found.map(|(_, ring)| Some(ring.published())),
        };
        let agrees = matches!((&published, &ring), (Ok(ours), Ok(Some(theirs))) if ours == theirs);
        let problems = [published.as_ref().err(), ring.as_ref().err()];
        let problems: Vec<_> = problems.into_iter().flatten().map(ToString::to_string).collect();
        let shown = published.ok().or(ring.ok().flatten()).unwrap_or_default();
        let mut listed = self.listed(&shown, agrees);
        if let Some(answer) = listed.as_object_mut().filter(|_| !problems.is_empty()) {
            answer.insert("problems".to_owned(), problems.into());
        }
        Ok(listed)
    }

    fn listed(&self, shown: &PublishedRing, agree: bool) -> Value {
        json!({ "keys": shown.keys, "agree": agree, "max_age": self.max_age.as_secs() })
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
        let ring = self.take_from_secret(kid, now).await?;
        self.replace_published(&ring, now).await?;
        self.cancel_rotation().await?;
        warn!(kid, "key retired");
        Ok(self.listed(&ring.published(), true))
    }

    /// Makes a ring without the key current. A key that is published and not in the ring is of a
    /// rotation under way, or of a retirement that was cut short: then the same ring becomes
    /// current once more, so that whatever was made from it comes too late.
    async fn take_from_secret(&self, kid: &str, now: Timestamp) -> Result<SigningRing, KeysError> {
        for _ in 0..MAX_TRIES {
            let versions = self.secret.describe_rings().await?;
            let (current, ring) = self.current_ring(&versions).await?;
            let without = match ring.clone().without(kid, current, self.policy, now)? {
                Some(without) => without,
                None if self.is_published(kid).await? => ring.reissued(current),
                None => return Err(KeysError::UnknownKey(kid.to_owned())),
            };
            let version = SigningRing::new_version()?;
            self.secret.put_ring(&version, RingStage::Retiring, &without.to_secret()).await?;
            let outcome = self.make_current(Some(current), &version).await;
            // A version that is in a stage is kept for ever, and it holds private keys.
            self.secret.move_stage(RingStage::Retiring, Some(&version), None).await?;
            match outcome {
                Ok(()) => return Ok(without),
                Err(KeysError::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(KeysError::Conflict)
    }

    /// A table that cannot be read may hold anything.
    async fn is_published(&self, kid: &str) -> Result<bool, KeysError> {
        let ring = self.published().await?.ring();
        Ok(ring.map_or(true, |ring| ring.keys.iter().any(|key| key.jwk.kid == kid)))
    }

    async fn replace_published(&self, ring: &SigningRing, now: Timestamp) -> Result<(), KeysError> {
        for _ in 0..MAX_TRIES {
            let published = self.published().await?;
            match self.publish(&ring.published(), &published, now).await? {
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
