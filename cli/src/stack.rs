//! The connection to a deployment: its `admin` function, invoked through Lambda.

use std::{error::Error, fs, iter, path::Path, time::Duration};

use aws_config::{
    BehaviorVersion, Region, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::{
    Client,
    config::{Builder, Credentials, SharedHttpClient},
    error::{ProvideErrorMetadata as _, SdkError},
    operation::invoke::InvokeError,
    primitives::Blob,
};
use aws_smithy_http_client::{
    Builder as HttpBuilder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use latchkey_keys::{KeyCommand, KeyReport};
use serde_json::{Value, json};

use crate::{arguments::DeploymentOptions, failure::Failure};

/// The stack names of `samconfig.toml` and of `make dev`.
const DEPLOYED: &str = "latchkey";
const LOCAL: &str = "local";

/// The files with the address of a local stack's AWS emulator: of a stack with its state in that
/// folder, and of one without state.
const ENDPOINT_FILES: [&str; 2] = ["aws-endpoint", "aws-endpoint-memory"];

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than the function's timeout, so that its error arrives.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(35);

/// A connection to the `admin` function of a deployment.
pub(crate) struct DeployedStack {
    lambda: Client,
    function: String,
}

impl DeployedStack {
    pub(crate) async fn connect(deployment: &DeploymentOptions) -> Result<Self, Failure> {
        let (settings, name) = if let Some(folder) = &deployment.local {
            (local_settings(folder)?, LOCAL)
        } else {
            let name = deployment.stack.as_deref().unwrap_or(DEPLOYED);
            (deployed_settings(deployment).await?, name)
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let settings = settings
            .timeout_config(timeouts)
            // Answers have a few kilobytes; the operation timeout is enough.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let lambda = Client::from_conf(settings.build());
        Ok(Self { lambda, function: format!("{name}-admin") })
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
            Some(code) => Failure::Refused {
                code: code.to_owned(),
                message: error.message().unwrap_or("no reason given").to_owned(),
            },
            None if causes(error).any(is_missing_credentials) => Failure::NoCredentials,
            None => Failure::Unreachable(
                causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}")),
            ),
        }
    }
}

/// The message of the function's error, or of Lambda's.
fn message_of(payload: &[u8]) -> String {
    let error: Option<Value> = serde_json::from_slice(payload).ok();
    let message = error.as_ref().and_then(|error| error.get("errorMessage")?.as_str());
    message.unwrap_or("it failed without a message").to_owned()
}

/// Whether there are no credentials at all. The SDK explains invalid ones.
fn is_missing_credentials(cause: &(dyn Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(CredentialsError::CredentialsNotLoaded(_)))
}

/// The causes of an error, outermost first.
fn causes<'error>(error: &'error dyn Error) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
}

/// The settings for a local stack's emulator, which accepts any credentials. `folder` has the stack's
/// state, or is the emulator's address. The AWS settings of the machine are not read.
fn local_settings(folder: &Path) -> Result<Builder, Failure> {
    let endpoint = match folder.to_str() {
        Some(address) if address.starts_with("http://") => address.to_owned(),
        _ => {
            let [with_state, memory] = ENDPOINT_FILES.map(|name| folder.join(name));
            fs::read_to_string(&with_state).or_else(|error| {
                let file = with_state.display().to_string();
                fs::read_to_string(memory).map_err(|_| Failure::NoLocalStack { file, error })
            })?
        }
    };
    Ok(Builder::new()
        .behavior_version(behavior_version())
        .http_client(http_client())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint.trim()))
}

/// The settings from the environment and the AWS configuration files, as the AWS CLI reads them.
async fn deployed_settings(deployment: &DeploymentOptions) -> Result<Builder, Failure> {
    let http_client = http_client();
    let mut loader = aws_config::defaults(behavior_version()).http_client(http_client.clone());
    if let Some(profile) = &deployment.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &deployment.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let found = loader.load().await;
    let is_set = |region: &&Region| !region.as_ref().is_empty();
    let region = found.region().filter(is_set).ok_or(Failure::NoRegion)?;
    let mut settings = Builder::from(&found);
    if let Some(profile) = &deployment.profile {
        // The SDK prefers the environment, which may have credentials of another account.
        let provider_config = ProviderConfig::without_region()
            .with_behavior_version(Some(behavior_version()))
            .with_http_client(http_client)
            .with_region(Some(region.clone()));
        let credentials = ProfileFileCredentialsProvider::builder()
            .configure(&provider_config)
            .profile_name(profile)
            .build();
        settings = settings.credentials_provider(credentials);
    }
    if let Some(url) = &deployment.endpoint_url {
        settings = settings.endpoint_url(url);
    }
    Ok(settings)
}

fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// An HTTPS client that trusts the system's certificates.
fn http_client() -> SharedHttpClient {
    HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}

#[cfg(test)]
mod tests {
    use latchkey_testkit::template;

    use super::*;

    #[test]
    fn the_operation_timeout_exceeds_the_timeout_of_the_function() {
        let timeout = template().functions["AdminFunction"].timeout;
        assert!(OPERATION_TIMEOUT > CONNECT_TIMEOUT + Duration::from_secs(timeout));
    }
}
