//! What operators ask for.

use auth_store::{
    DescribeRings, FindPublishedRing, FindRing, MoveRing, PublishOutcome, PublishRing, PutRing,
    RingStage, RingVersions, StartRotation, with_causes,
};
use auth_token::{RingReport, SigningRing, Timestamp};
use tracing::{error, info, warn};

use crate::{Keys, KeysError, steps::is_timely};

/// How often a change is tried anew when somebody else changes the same.
const MAX_TRIES: usize = 4;

impl<
    S: DescribeRings + FindRing + PutRing + MoveRing + StartRotation,
    T: FindPublishedRing + PublishRing,
> Keys<S, T>
{
    /// The published keys, or the secret's where those cannot be read, and what is wrong with
    /// either.
    pub(crate) async fn list(&self) -> Result<RingReport, KeysError> {
        let published = self.published().await?.ring();
        let versions = self.secret.describe_rings().await?;
        let ring = match self.current_ring(&versions).await {
            Err(KeysError::NoRing) => Ok(None),
            found => found.map(|(_, ring)| Some(ring)),
        };
        let problems = [published.as_ref().err(), ring.as_ref().err()];
        let problems = problems.into_iter().flatten().map(ToString::to_string).collect();
        let (published, ring) = (published.ok(), ring.ok().flatten());
        let signing = ring.as_ref().map(|ring| ring.current_kid().to_owned());
        let ring = ring.map(|ring| ring.published());
        Ok(RingReport {
            agree: ring.is_some() && published == ring,
            ring: published.or(ring).unwrap_or_default(),
            signing,
            max_age: self.max_age.as_secs(),
            problems,
        })
    }

    /// Asks for a rotation, whose steps then come by themselves.
    pub(crate) async fn rotate(&self, now: Timestamp) -> Result<(), KeysError> {
        self.clear_the_way(now).await?;
        self.secret.start_rotation().await?;
        info!("rotation started");
        Ok(())
    }

    /// A version that stays pending and cannot become current would have Secrets Manager refuse every
    /// rotation. An operator leaves one behind who puts another ring in its place, and so does a
    /// retirement; a rotation that goes by the ring of now is left alone.
    async fn clear_the_way(&self, now: Timestamp) -> Result<(), KeysError> {
        let versions = self.secret.describe_rings().await?;
        let Some(pending) = under_way(&versions) else { return Ok(()) };
        match self.ring(pending).await {
            Ok(Some(ring)) if is_timely(&ring, &versions, now) => Ok(()),
            Ok(Some(_)) | Err(KeysError::Secret(_)) => {
                self.leave_stage(RingStage::Pending, pending).await
            }
            // Its first step is still to come.
            Ok(None) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Takes a key out of use. The secret changes first, so that nothing signs with it any more
    /// when it is taken from verifiers; called again it completes what was interrupted.
    pub(crate) async fn retire(&self, kid: &str, now: Timestamp) -> Result<RingReport, KeysError> {
        self.take_from_secret(kid, now).await?;
        self.publish_without(kid, now).await?;
        warn!(kid, "key retired");
        // If it fails, the next rotation does the same.
        if let Err(fault) = self.clear_the_way(now).await {
            error!(cause = with_causes(&fault), "rotation not cancelled");
        }
        self.list().await
    }

    /// Makes a ring without the key current. A key that is published and not in the ring is of a
    /// rotation under way, or of a retirement that was cut short: then the same ring becomes
    /// current once more, so that whatever was made from it comes too late.
    async fn take_from_secret(&self, kid: &str, now: Timestamp) -> Result<(), KeysError> {
        for _ in 0..MAX_TRIES {
            let versions = self.secret.describe_rings().await?;
            let (current, ring) = self.current_ring(&versions).await?;
            let without = ring.clone().without(kid, current, self.policy, now);
            let without = match without.map_err(KeysError::Making)? {
                Some(without) => without,
                None if self.is_published(kid).await? => ring.reissued(current),
                None => return Err(KeysError::UnknownKey(kid.to_owned())),
            };
            let version = SigningRing::new_version()?;
            self.secret.put_ring(&version, RingStage::Retiring, &without.to_secret()).await?;
            let outcome = self.make_current(Some(current), &version).await;
            // A version that is in a stage is kept for ever, and it holds private keys. If it stays,
            // the next retirement takes the stage from it.
            if let Err(fault) = self.leave_stage(RingStage::Retiring, &version).await {
                error!(cause = with_causes(&fault), "version of the secret still in its stage");
            }
            match outcome {
                Err(KeysError::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(KeysError::Conflict)
    }

    /// A table that cannot be read may hold anything.
    async fn is_published(&self, kid: &str) -> Result<bool, KeysError> {
        let ring = self.published().await?.ring();
        Ok(ring.map_or(true, |ring| ring.find(kid).is_some()))
    }

    /// Publishes the ring that is current, whoever made it so: of two retirements at a time the one
    /// that ends later must not bring back the other's key, nor publish what a rotation has replaced
    /// meanwhile.
    async fn publish_without(&self, kid: &str, now: Timestamp) -> Result<(), KeysError> {
        for _ in 0..MAX_TRIES {
            // Read first: whatever is published after that makes this publication fail.
            let published = self.published().await?;
            let versions = self.secret.describe_rings().await?;
            let (current, ring) = self.current_ring(&versions).await?;
            let ring = ring.published();
            // Secrets Manager may still tell of the ring before.
            let is_old = ring.find(kid).is_some();
            if is_old || self.publish(&ring, &published, now).await? == PublishOutcome::Changed {
                continue;
            }
            let versions = self.secret.describe_rings().await?;
            if versions.in_stage(RingStage::Current) == Some(current) {
                return Ok(());
            }
        }
        Err(KeysError::Conflict)
    }
}

/// The version that a rotation is making and has not made current.
fn under_way(versions: &RingVersions) -> Option<&str> {
    let current = versions.in_stage(RingStage::Current);
    versions.in_stage(RingStage::Pending).filter(|pending| Some(*pending) != current)
}
