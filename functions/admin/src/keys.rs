//! Key commands.

use std::time::Duration;

use latchkey_keys::{
    KeyCommand, KeyPolicy, KeyReport, KeyRing, KeyState, PublicRing, ReadRing, RingError, Seal,
    WriteRing, reset_ring, update_ring,
};
use latchkey_token::Timestamp;

/// Dependencies of the key commands. The trait bounds name the calls that the function's IAM policy
/// allows on the key ring.
#[derive(Debug)]
pub struct KeyAdmin<R, K> {
    /// The store of the key ring.
    pub ring: R,
    /// Encrypts private keys.
    pub kms: K,
    /// Algorithm, rotation period and retention of keys.
    pub policy: KeyPolicy,
    /// The age at which the other functions' cached keys are stale.
    pub max_age: Duration,
}

impl<R: ReadRing + WriteRing, K: Seal> KeyAdmin<R, K> {
    /// Runs a command and returns the resulting keys.
    pub(crate) async fn run(
        &self,
        command: &KeyCommand,
        now: Timestamp,
    ) -> Result<KeyReport, RingError> {
        let keys = self.change(command, now).await?;
        Ok(KeyReport { keys, max_age: self.max_age.as_secs() })
    }

    async fn change(&self, command: &KeyCommand, now: Timestamp) -> Result<PublicRing, RingError> {
        let policy = &self.policy;
        match command {
            KeyCommand::List {} => {
                let item = self.ring.read_ring().await?.ok_or(RingError::NotFound)?;
                PublicRing::parse(&item.public)
            }
            KeyCommand::Maintain {} => {
                // Without a ring there is nothing to maintain: `login` creates the first one.
                let maintained =
                    self.update(now, |ring| ring.maintain(policy, now, &mut || policy.generate()));
                match maintained.await {
                    Err(RingError::NotFound) => Ok(PublicRing::default()),
                    maintained => maintained,
                }
            }
            KeyCommand::Rotate { force } => {
                self.update(now, |ring| rotate(ring, policy, *force, now)).await
            }
            KeyCommand::Retire { kid } => {
                self.update(now, |ring| ring.retire(kid, now, &mut || policy.generate())).await
            }
            KeyCommand::Reset { discard } => {
                reset_ring(&self.ring, &self.kms, policy, *discard, now).await
            }
        }
    }

    async fn update(
        &self,
        now: Timestamp,
        change: impl FnMut(&mut KeyRing) -> Result<(), RingError>,
    ) -> Result<PublicRing, RingError> {
        update_ring(&self.ring, &self.kms, now, change).await
    }
}

/// Makes the next key current and publishes another next key. Without a next key it publishes one,
/// which becomes current at once only with `force`.
fn rotate(
    ring: &mut KeyRing,
    policy: &KeyPolicy,
    force: bool,
    now: Timestamp,
) -> Result<(), RingError> {
    let mut generate = || policy.generate();
    let has_next = ring.public().in_state(KeyState::Next).is_some();
    ring.add_next(now, &mut generate)?;
    if has_next || force {
        ring.drop_expired(policy.retention, now);
        ring.rotate(policy.retention, force, now)?;
        ring.add_next(now, &mut generate)?;
    }
    Ok(())
}
