//! The `admin` function of a deployment, invoked through Lambda.

use aws_config::retry::RetryConfig;
use aws_sdk_lambda::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::invoke::InvokeError,
    primitives::Blob,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{arguments::DeploymentOptions, caller, connection, failure::Failure};

/// The stack name of `make dev`.
const LOCAL: &str = "local";

/// The types of the function's errors after which its last call has changed nothing.
const NOTHING_DONE: [&str; 3] = ["Request", "NotFound", "Refused"];

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It reads.
    Nothing,
    /// It makes a change, and a repetition does no harm.
    Repeatable,
    /// A repetition makes another change. The reply to the first attempt may be lost.
    Once,
}

/// An event of the `admin` function.
pub(crate) trait AdminCommand: Serialize {
    fn effect(&self) -> Effect;

    /// How to find out whether the change was made.
    fn check(&self) -> String;
}

/// A connection to the `admin` function of a deployment.
pub(crate) struct DeployedStack {
    lambda: Client,
    function: String,
    caller: String,
}

/// A failure, and whether the function may have run.
type Outcome<T> = Result<T, (Failure, bool)>;

impl DeployedStack {
    pub(crate) async fn connect(deployment: &DeploymentOptions) -> Result<Self, Failure> {
        let (settings, name, caller) = if let Some(place) = &deployment.local {
            (connection::local(place)?, LOCAL, caller::local())
        } else {
            let mut settings = connection::deployed(deployment).await?;
            let caller = caller::on_aws(&mut settings).await?;
            (settings, connection::stack_name(deployment), caller)
        };
        Ok(Self { lambda: Client::new(&settings), function: format!("{name}-admin"), caller })
    }

    /// Runs a command and returns the answer.
    pub(crate) async fn run<Answer: DeserializeOwned>(
        &self,
        command: &impl AdminCommand,
    ) -> Result<Answer, Failure> {
        let effect = command.effect();
        let answer = self.invoke(&self.event(command, effect), effect).await;
        answer.and_then(|payload| self.parse(&payload)).map_err(|(failure, may_have_run)| {
            if may_have_run && effect != Effect::Nothing {
                Failure::Uncertain { failure: Box::new(failure), check: command.check() }
            } else {
                failure
            }
        })
    }

    /// The command, with the caller if it changes something.
    fn event(&self, command: &impl AdminCommand, effect: Effect) -> Value {
        let mut event = json!(command);
        if let (Some(members), true) = (event.as_object_mut(), effect != Effect::Nothing) {
            members.insert("caller".to_owned(), json!(self.caller));
        }
        event
    }

    async fn invoke(&self, event: &Value, effect: Effect) -> Outcome<Vec<u8>> {
        let retries = match effect {
            Effect::Nothing | Effect::Repeatable => RetryConfig::standard(),
            Effect::Once => RetryConfig::disabled(),
        };
        let answer = self
            .lambda
            .invoke()
            .function_name(&self.function)
            .payload(Blob::new(event.to_string()))
            .customize()
            .config_override(Builder::new().retry_config(retries))
            .send()
            .await
            .map_err(|error| (self.explain(&error), may_have_run(&error)))?;
        let has_failed = answer.function_error().is_some();
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if has_failed { Err(self.failed(&payload)) } else { Ok(payload) }
    }

    /// The failure for an answer of another version.
    pub(crate) fn not_understood(&self) -> Failure {
        Failure::NotUnderstood(self.function.clone())
    }

    fn parse<Answer: DeserializeOwned>(&self, payload: &[u8]) -> Outcome<Answer> {
        serde_json::from_slice(payload).map_err(|_| (self.not_understood(), true))
    }

    fn explain(&self, error: &SdkError<InvokeError>) -> Failure {
        match error.code() {
            Some("ResourceNotFoundException") => Failure::NoFunction(self.function.clone()),
            Some(_) | None => connection::explain(error),
        }
    }

    /// The error of the function, or Lambda's about it.
    fn failed(&self, payload: &[u8]) -> (Failure, bool) {
        let error: Value = serde_json::from_slice(payload).unwrap_or_default();
        let member = |name| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = member("errorType").unwrap_or_default();
        let message = member("errorMessage");
        let message = message.unwrap_or_else(|| "it failed without a message".to_owned());
        let may_have_changed = !NOTHING_DONE.contains(&kind.as_str());
        (Failure::Failed { function: self.function.clone(), kind, message }, may_have_changed)
    }
}

/// Whether the function may have run. Lambda's refusals have a status below 500.
fn may_have_run(error: &SdkError<InvokeError>) -> bool {
    match error.raw_response() {
        Some(response) => response.status().is_server_error(),
        None => !matches!(error, SdkError::ConstructionFailure(_)),
    }
}
