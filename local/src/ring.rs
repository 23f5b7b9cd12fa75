//! The ring of signing keys that a stack has before it serves.

use std::{sync::Arc, time::Duration};

use auth_token::RingReport;

use crate::{
    aws::{Aws, ReportError, RotationError},
    log,
    secrets::SecretError,
    template::Template,
};

/// A rotation takes less than a second; a busy machine gets more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no ring.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// Its function does not say what there is.
    #[error("the keys cannot be listed: {0}")]
    Report(#[from] ReportError),
    /// The rotation that makes it cannot begin.
    #[error("the keys cannot be made: {0}")]
    Secret(#[from] SecretError),
    /// The rotation that makes it failed.
    #[error("the keys could not be made: {0}")]
    Rotation(#[from] RotationError),
    /// The rotation that makes it takes too long.
    #[error("the keys were not made in {} s", PATIENCE.as_secs())]
    Slow,
}

/// A ring, by the name of the secret that has its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring(String);

impl Ring {
    /// The rings of a template: what a function of it rotates.
    pub fn all(template: &Template) -> Vec<Self> {
        let is_rotated = |function: &String| template.functions.contains_key(function);
        let secrets = template.secrets.iter();
        secrets
            .filter(|(_, secret)| secret.rotated_by.as_ref().is_some_and(is_rotated))
            .map(|(name, _)| Self(name.clone()))
            .collect()
    }

    /// Has the ring made by a rotation, unless there is one whose signing key is public. A secret
    /// that holds something else is left to its owner.
    ///
    /// # Errors
    /// Every variant of [`RingError`].
    pub async fn ensure(&self, aws: &Arc<Aws>) -> Result<(), RingError> {
        let Self(secret) = self;
        let report = self.report(aws).await?;
        if report.signing.is_none() && !report.problems.is_empty() {
            let problems = report.problems.join("; ");
            log::line("local", &format!("the keys in {secret} stay as they are: {problems}"));
            return Ok(());
        }
        if is_usable(&report) {
            // The stack before this one may have ended in the middle of a rotation.
            aws.resume_rotation(secret);
            return Ok(());
        }
        if aws.secrets.unfinished_rotation(secret).is_some() {
            self.finish(aws).await?;
            // One that was begun long ago cancels itself, and leaves room for another.
            if is_usable(&self.report(aws).await?) {
                return Ok(());
            }
        }
        aws.begin_rotation(secret, None)?;
        self.finish(aws).await
    }

    async fn report(&self, aws: &Aws) -> Result<RingReport, RingError> {
        let Self(secret) = self;
        let report = aws.report(secret).await;
        aws.cool(secret).await;
        Ok(report?)
    }

    async fn finish(&self, aws: &Aws) -> Result<(), RingError> {
        let Self(secret) = self;
        let finished = tokio::time::timeout(PATIENCE, aws.finish_rotation(secret)).await;
        aws.cool(secret).await;
        Ok(finished.map_err(|_| RingError::Slow)??)
    }
}

/// Whether verifiers know the key that signs.
fn is_usable(report: &RingReport) -> bool {
    let signing = report.signing.as_ref();
    report.problems.is_empty() && signing.is_some_and(|kid| report.ring.find(kid).is_some())
}
