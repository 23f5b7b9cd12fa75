//! Rotations: Secrets Manager begins a version, and a function fills it in four steps.

use std::{sync::Arc, time::Duration};

use auth_token::{RingReport, SigningRing};
use axum::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Aws;
use crate::{
    log,
    sandbox::InvokeError,
    secrets::{SecretError, name_of, read_request},
};

/// The steps of a rotation, in their order.
pub const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Why a rotation is not complete. It is still pending then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The secret's function is not there.
    #[error("there is no function for it")]
    NoFunction,
    /// The function failed.
    #[error("{step} {source}")]
    Step {
        /// In which step.
        step: &'static str,
        /// What it said.
        source: InvokeError,
    },
    /// The function is done and has left the current version where it was.
    #[error("after finishSecret the version is not the current one")]
    Unfinished,
}

/// Why it is not known what a secret holds.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The secret's function is not there.
    #[error("there is no function for it")]
    NoFunction,
    /// The function failed.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The function answered something else.
    #[error("the answer is no report of keys: {0}")]
    NotUnderstood(#[from] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RotateSecret {
    secret_id: String,
    client_request_token: Option<String>,
}

impl Aws {
    /// `RotateSecret`: begins a rotation and answers; the steps run by themselves.
    pub(super) fn rotate(self: &Arc<Self>, request: &[u8]) -> Result<Value, SecretError> {
        let RotateSecret { secret_id, client_request_token } = read_request(request)?;
        let name = name_of(&secret_id);
        let begun = self.begin_rotation(name, client_request_token);
        // A rotation that is in the way of another is tried again, as the refusal says.
        self.resume_rotation(name);
        Ok(json!({ "ARN": name, "Name": name, "VersionId": begun? }))
    }

    /// Begins a rotation to the version `version`, or to one with a new name; returns the name.
    ///
    /// # Errors
    /// [`SecretError`], as `RotateSecret` has it.
    pub fn begin_rotation(
        &self,
        secret: &str,
        version: Option<String>,
    ) -> Result<String, SecretError> {
        let version = version.map_or_else(SigningRing::new_version, Ok)?;
        if self.secrets.rotated_by(secret).is_none() && self.secrets.is_there(secret) {
            let problem = "No Lambda rotation function ARN is associated with this secret.";
            return Err(SecretError::InvalidRequest(problem.to_owned()));
        }
        self.secrets.begin_rotation(secret, &version)?;
        Ok(version)
    }

    /// Finishes the rotation of a secret that is begun, if one is, while the caller goes on.
    pub fn resume_rotation(self: &Arc<Self>, secret: &str) {
        let (aws, secret) = (Arc::clone(self), secret.to_owned());
        // What went wrong is in the log.
        tokio::spawn(async move { aws.finish_rotation(&secret).await.ok() });
    }

    /// Runs the steps of the rotation of a secret that is begun, if one is; after a failure once
    /// more, and again. Whoever comes meanwhile waits.
    ///
    /// # Errors
    /// [`RotationError`] of the last attempt.
    pub async fn finish_rotation(&self, secret: &str) -> Result<(), RotationError> {
        let _alone = self.rotating.lock().await;
        let mut outcome = Ok(());
        for attempt in 1..=ATTEMPTS {
            // It may have been cancelled since the last attempt.
            let Some(version) = self.secrets.unfinished_rotation(secret) else {
                return Ok(());
            };
            outcome = self.run_steps(secret, &version).await;
            let Err(error) = &outcome else { break };
            log::line("aws", &format!("rotation of {secret}: {error}"));
            if attempt < ATTEMPTS {
                tokio::time::sleep(PAUSE).await;
            }
        }
        outcome
    }

    async fn run_steps(&self, secret: &str, version: &str) -> Result<(), RotationError> {
        let function = self.function_of(secret).ok_or(RotationError::NoFunction)?;
        for step in STEPS {
            let event = json!({
                "Step": step,
                "SecretId": secret,
                "ClientRequestToken": version,
            });
            let answer = function.invoke(event.to_string().into()).await;
            answer.map_err(|source| RotationError::Step { step, source })?;
        }
        if self.secrets.unfinished_rotation(secret).as_deref() == Some(version) {
            return Err(RotationError::Unfinished);
        }
        Ok(())
    }

    /// What the function that rotates a secret says of the ring in it.
    ///
    /// # Errors
    /// Every variant of [`ReportError`].
    pub async fn report(&self, secret: &str) -> Result<RingReport, ReportError> {
        let function = self.function_of(secret).ok_or(ReportError::NoFunction)?;
        let answer = function.invoke(Bytes::from_static(br#"{"Operation":"list"}"#)).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Ends the idle sandboxes of the function that rotates a secret, which has little to do.
    pub async fn cool(&self, secret: &str) {
        if let Some(function) = self.function_of(secret) {
            function.cool().await;
        }
    }
}
