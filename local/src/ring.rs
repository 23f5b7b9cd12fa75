//! The ring of signing keys that a stack has before it serves.

use std::{sync::Arc, time::Duration};

use auth_token::{KeyError, SigningRing};

use crate::{
    aws::{Aws, RotationError},
    log,
    secrets::SecretError,
    tables::{self, TableError},
    template::{Secret, Template},
};

/// A rotation takes less than a second; a busy machine gets more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The rotation that makes it cannot begin.
    #[error("the keys cannot be made: {0}")]
    Secret(#[from] SecretError),
    /// The rotation that makes it failed.
    #[error("the keys could not be made: {0}")]
    Rotation(#[from] RotationError),
    /// The rotation that makes it takes too long.
    #[error("the keys were not made in {} s", PATIENCE.as_secs())]
    Slow,
    /// The public keys could not be looked up.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Where a ring is: the secret with its private half, the table with its public one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The secret.
    pub secret: String,
    /// The table.
    pub table: String,
}

impl Ring {
    /// The rings of a template: what a function with a keys table rotates.
    pub fn all(template: &Template) -> Vec<Self> {
        let ring = |(secret, declared): (&String, &Secret)| {
            let function = template.functions.get(declared.rotated_by.as_ref()?)?;
            let table = function.variables.get("KEYS_TABLE")?.clone();
            Some(Self { secret: secret.clone(), table })
        };
        template.secrets.iter().filter_map(ring).collect()
    }

    /// Has the ring made by a rotation, unless there is one whose signing key is public. A ring
    /// that cannot be read is left to its owner.
    ///
    /// # Errors
    /// Every variant of [`RingError`].
    pub async fn ensure(&self, aws: &Arc<Aws>, dynamodb: &str) -> Result<(), RingError> {
        let current = match self.current_kid(aws) {
            Ok(current) => current,
            Err(error) => {
                log::line(
                    "local",
                    &format!(
                        "the keys in {} are no ring and stay as they are: {error}",
                        self.secret
                    ),
                );
                return Ok(());
            }
        };
        if let Some(kid) = current
            && self.is_published(&kid, dynamodb).await?
        {
            // The stack before this one may have ended in the middle of a rotation.
            aws.resume_rotation(&self.secret);
            return Ok(());
        }
        // One that was begun long ago cancels itself, and leaves room for another.
        let is_unfinished = aws.secrets.unfinished_rotation(&self.secret).is_some();
        if is_unfinished {
            self.finish(aws).await?;
        }
        if !is_unfinished || self.current_kid(aws).ok().flatten().is_none() {
            aws.begin_rotation(&self.secret, None)?;
            self.finish(aws).await?;
        }
        Ok(())
    }

    async fn finish(&self, aws: &Aws) -> Result<(), RingError> {
        let finished = tokio::time::timeout(PATIENCE, aws.finish_rotation(&self.secret)).await;
        aws.cool(&self.secret).await;
        Ok(finished.map_err(|_| RingError::Slow)??)
    }

    /// The key that signs; `None` before there is one.
    fn current_kid(&self, aws: &Aws) -> Result<Option<String>, KeyError> {
        let Ok(secret) = aws.secrets.value(&self.secret) else {
            return Ok(None);
        };
        let ring = SigningRing::parse(&secret)?;
        Ok(ring.map(|ring| ring.current_kid().to_owned()))
    }

    async fn is_published(&self, kid: &str, dynamodb: &str) -> Result<bool, TableError> {
        let published = tables::published_ring(dynamodb, &self.table).await?;
        Ok(published.is_some_and(|ring| ring.keys.iter().any(|key| key.jwk.kid == kid)))
    }
}
