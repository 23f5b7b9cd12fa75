//! The `admin` function of a deployment, invoked through Lambda.

use aws_config::retry::RetryConfig;
use aws_sdk_lambda::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::invoke::InvokeError,
    primitives::Blob,
};
use latchkey_keys::{KeyCommand, KeyReport};
use serde_json::{Value, json};

use crate::{arguments::DeploymentOptions, connection, failure::Failure};

/// The stack name of `make dev`.
const LOCAL: &str = "local";

/// A connection to the `admin` function of a deployment.
pub(crate) struct DeployedStack {
    lambda: Client,
    function: String,
}

impl DeployedStack {
    pub(crate) async fn connect(deployment: &DeploymentOptions) -> Result<Self, Failure> {
        let (settings, name) = if let Some(place) = &deployment.local {
            (connection::local(place)?, LOCAL)
        } else {
            (connection::deployed(deployment).await?, connection::stack_name(deployment))
        };
        Ok(Self { lambda: Client::new(&settings), function: format!("{name}-admin") })
    }

    /// Lists the keys.
    pub(crate) async fn list(&self) -> Result<KeyReport, Failure> {
        self.run(&KeyCommand::List {}).await
    }

    /// Runs a command and returns the keys after it.
    pub(crate) async fn run(&self, command: &KeyCommand) -> Result<KeyReport, Failure> {
        let retries = match command {
            KeyCommand::List {} | KeyCommand::Retire { .. } => RetryConfig::standard(),
            // Not idempotent: the reply to the first attempt may be lost.
            KeyCommand::Maintain {} | KeyCommand::Rotate { .. } | KeyCommand::Reset { .. } => {
                RetryConfig::disabled()
            }
        };
        let answer = self
            .lambda
            .invoke()
            .function_name(&self.function)
            .payload(Blob::new(json!(command).to_string()))
            .customize()
            .config_override(Builder::new().retry_config(retries))
            .send()
            .await
            .map_err(|error| self.explain(&error))?;
        let payload = answer.payload().map_or(&[][..], |payload| payload.as_ref());
        if answer.function_error().is_some() {
            let function = self.function.clone();
            return Err(Failure::Failed { function, message: message_of(payload) });
        }
        serde_json::from_slice(payload).map_err(|_| Failure::NotUnderstood(self.function.clone()))
    }

    fn explain(&self, error: &SdkError<InvokeError>) -> Failure {
        match error.code() {
            Some("ResourceNotFoundException") => Failure::NoFunction(self.function.clone()),
            Some(_) | None => connection::explain(error),
        }
    }
}

/// The message of the function's error, or of Lambda's.
fn message_of(payload: &[u8]) -> String {
    let error: Option<Value> = serde_json::from_slice(payload).ok();
    let message = error.as_ref().and_then(|error| error.get("errorMessage")?.as_str());
    message.unwrap_or("it failed without a message").to_owned()
}
