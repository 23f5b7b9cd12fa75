//! The four steps of a rotation. Each one can be taken again, and whatever was interrupted is
//! completed by the next try.
//!
//! The new ring's keys are published before it signs, so that there is no moment at which a verifier
//! that looks does not find them. The last step is a compare-and-swap: a ring that was made from
//! another than the current one never becomes current, so that no retired key comes back.

use auth_store::{
    DescribeRings, FindPublishedRing, FindRing, MoveRing, PublishOutcome, PublishRing, PutRing,
    RingStage, RingVersions,
};
use auth_token::{KeyPolicy, SigningRing, Timestamp};
use tracing::info;

use crate::{Keys, KeysError, event::Step};

/// A rotation's ring, and the versions among which it was found to be the next one.
struct Made {
    ring: SigningRing,
    versions: RingVersions,
}

impl<S: DescribeRings + FindRing + PutRing + MoveRing, T: FindPublishedRing + PublishRing>
    Keys<S, T>
{
    pub(crate) async fn take_step(
        &self,
        step: Step,
        version: &str,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        match step {
            Step::Create => self.create(version, now).await?,
            Step::Set => self.set(version, now).await?,
            Step::Test => self.test(version, now).await?,
            Step::Finish => self.finish(version, now).await?,
        }
        info!(step = ?step, version, "step taken");
        Ok(())
    }

    /// Makes the next ring from the current one.
    async fn create(&self, version: &str, now: Timestamp) -> Result<(), KeysError> {
        let versions = self.secret.describe_rings().await?;
        if versions.in_stage(RingStage::Current) == Some(version) {
            return Ok(());
        }
        if versions.in_stage(RingStage::Pending) != Some(version) {
            return Err(KeysError::NotPending(version.to_owned()));
        }
        if let Some(made) = self.ring(version).await? {
            return self.expect_timely(&made, version, &versions, now).await;
        }
        let ring = match self.current_ring(&versions).await {
            Ok((current, ring)) => ring.rotated(current, self.policy, now),
            // Keys whose private halves were lost go on verifying.
            Err(KeysError::NoRing) => {
                let current = versions.in_stage(RingStage::Current);
                SigningRing::first(current, &self.published().await?.ring()?, self.policy, now)
            }
            Err(fault) => return Err(fault),
        };
        let ring = ring.map_err(KeysError::Making)?;
        self.secret.put_ring(version, RingStage::Pending, &ring.to_secret()).await?;
        Ok(())
    }

    /// Publishes the new ring's keys.
    async fn set(&self, version: &str, now: Timestamp) -> Result<(), KeysError> {
        // Read first: whatever is published after that makes this publication fail.
        let published = self.published().await?;
        let ring = self.made(version, now).await?.ring.published();
        if published.ring().is_ok_and(|published| published == ring) {
            return Ok(());
        }
        match self.publish(&ring, &published, now).await? {
            PublishOutcome::Published => Ok(()),
            PublishOutcome::Changed => Err(KeysError::Conflict),
        }
    }

    /// Has the new ring's keys sign, and what is published verify.
    async fn test(&self, version: &str, now: Timestamp) -> Result<(), KeysError> {
        self.prove(&self.made(version, now).await?.ring).await
    }

    async fn prove(&self, ring: &SigningRing) -> Result<(), KeysError> {
        let published = self.published().await?.ring()?;
        ring.prove(&published).map_err(KeysError::Unproved)
    }

    /// Makes the new ring the current one, in place of the one that it was made from and of no
    /// other. It stays the pending one as well, until Secrets Manager changes that: whoever removes
    /// that stage by a call of its own may be taken for a rotation that has failed.
    async fn finish(&self, version: &str, now: Timestamp) -> Result<(), KeysError> {
        let Made { ring, versions } = self.made(version, now).await?;
        let current = versions.in_stage(RingStage::Current);
        if current != Some(version) {
            self.prove(&ring).await?;
            self.make_current(current, version).await?;
        }
        // A retirement may have published the ring before, which was current when it looked.
        self.set(version, now).await
    }

    /// What the rotation of `version` has made; also when it has become current since.
    async fn made(&self, version: &str, now: Timestamp) -> Result<Made, KeysError> {
        let versions = self.secret.describe_rings().await?;
        let not_pending = || KeysError::NotPending(version.to_owned());
        let is_in = |stage| versions.in_stage(stage) == Some(version);
        if !is_in(RingStage::Current) && !is_in(RingStage::Pending) {
            return Err(not_pending());
        }
        let ring = self.ring(version).await?.ok_or_else(not_pending)?;
        if !is_in(RingStage::Current) {
            self.expect_timely(&ring, version, &versions, now).await?;
        }
        Ok(Made { ring, versions })
    }

    /// Cancels the rotation of a ring that may not become current any more.
    async fn expect_timely(
        &self,
        ring: &SigningRing,
        version: &str,
        versions: &RingVersions,
        now: Timestamp,
    ) -> Result<(), KeysError> {
        if is_timely(ring, versions, now) {
            return Ok(());
        }
        self.leave_stage(RingStage::Pending, version).await?;
        Err(KeysError::Overtaken)
    }
}

/// Whether a ring may still become current among these versions: it was made from the current one,
/// and what it says of expiry is still true.
pub(crate) fn is_timely(ring: &SigningRing, versions: &RingVersions, now: Timestamp) -> bool {
    let made_at = ring.made_at();
    ring.derived_from() == versions.in_stage(RingStage::Current)
        && made_at.is_some_and(|made_at| now.since(made_at) < KeyPolicy::LONGEST_ROTATION)
}
