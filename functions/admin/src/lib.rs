//! Administration: the signing keys.
//!
//! Only IAM principals invoke it: operators with the `latchkey` program, and a daily schedule. It
//! can encrypt private keys but not decrypt them.

use std::time::Duration;

use lambda_runtime::Diagnostic;
use latchkey_keys::{
    KeyCommand, KeyPolicy, KeyReport, KeyRing, KeyState, PublicRing, ReadRing, RingError, Seal,
    WriteRing, reset_ring, update_ring,
};
use latchkey_token::Timestamp;
use serde_json::{Value, json};
use tracing::info;

/// Dependencies of the commands. The trait bounds name the calls that the function's
/// IAM policy allows on the key ring.
#[derive(Debug)]
pub struct Admin<R, K> {
    /// The store of the key ring.
    pub ring: R,
    /// Encrypts private keys.
    pub kms: K,
    /// Algorithm, rotation period and retention of keys.
    pub policy: KeyPolicy,
    /// The age at which the other functions' cached keys are stale.
    pub max_age: Duration,
}

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The event is not a command.
    #[error("not a command, such as {{\"command\":\"keys.list\"}}: {0}")]
    Request(serde_json::Error),
    /// The key ring cannot be read or changed.
    #[error(transparent)]
    Ring(#[from] RingError),
}

impl From<AdminError> for Diagnostic {
    fn from(error: AdminError) -> Self {
        let error_type = match &error {
            AdminError::Request(_) => "Request",
            AdminError::Ring(RingError::Unavailable(_) | RingError::Conflict) => "Unavailable",
            AdminError::Ring(_) => "Refused",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

impl<R: ReadRing + WriteRing, K: Seal> Admin<R, K> {
    /// Runs a command and returns the resulting keys.
    ///
    /// # Errors
    /// Every variant of [`AdminError`]. The ring is unchanged, except that after `Unavailable` the
    /// write may have succeeded.
    pub async fn handle(&self, event: Value, now: Timestamp) -> Result<Value, AdminError> {
        let command = serde_json::from_value(event).map_err(AdminError::Request)?;
        let keys = self.run(&command, now).await?;
        info!(?command, current = keys.kid(KeyState::Current), "command completed");
        Ok(json!(KeyReport { keys, max_age: self.max_age.as_secs() }))
    }

    async fn run(&self, command: &KeyCommand, now: Timestamp) -> Result<PublicRing, RingError> {
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
