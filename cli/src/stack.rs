//! The connection to a deployment: its `admin` function, invoked through Lambda.

use std::{error::Error, fs, io, iter, path::Path, time::Duration};

use aws_config::{
    BehaviorVersion, Region, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::{
    Client,
    config::{Builder, Credentials, SharedHttpClient},
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
};
use aws_smithy_http_client::{
    Builder as HttpBuilder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use latchkey_keys::{KeyCommand, KeyReport};
use serde::Deserialize;
use serde_json::json;

use crate::arguments::Deployment;

/// The stack that `samconfig.toml` deploys, and the one that `make dev` runs.
const DEPLOYED: &str = "latchkey";
const LOCAL: &str = "local";

/// The files in a local stack's folder that tell where its AWS is: of one that keeps its state there, and
/// of one that keeps none.
const ENDPOINT_FILES: [&str; 2] = ["aws-endpoint", "aws-endpoint-memory"];

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than the function may take, so that its own error arrives.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(35);

#[derive(Debug, thiserror::Error)]
pub(crate) enum StackError {
    #[error(
        "{file}: {error}; does `make dev` run here? Give another folder or the address that it \
         prints, as --local=http://127.0.0.1:…"
    )]
    NoLocalStack { file: String, error: io::Error },
    #[error("no region is set: give --region, or set AWS_REGION or the profile's region")]
    NoRegion,
    #[error(
        "no AWS credentials are found: set them up as for AWS's own program, or name a profile \
         that has some with --profile"
    )]
    NoCredentials,
    #[error("there is no function {0}: are --stack, --region and --profile the deployment's?")]
    NoFunction(String),
    #[error("AWS refuses: {code}: {message}")]
    Refused { code: String, message: String },
    #[error("AWS cannot be asked: {0}")]
    Unreachable(String),
    #[error("{function}: {message}")]
    Failed { function: String, message: String },
    #[error("the answer of {0} is not understood: is this program of the stack's version?")]
    NotUnderstood(String),
}

/// Whether a call whose reply was lost is made again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Retries {
    None,
    Standard,
}

/// A deployment.
pub(crate) struct Stack {
    lambda: Client,
    function: String,
}

impl Stack {
    pub(crate) async fn connect(deployment: &Deployment) -> Result<Self, StackError> {
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
            // Answers are at most a few kilobytes; the operation's time limit is the protection.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let lambda = Client::from_conf(settings.build());
        Ok(Self { lambda, function: format!("{name}-admin") })
    }

    /// The keys as they are now.
    pub(crate) async fn list(&self) -> Result<KeyReport, StackError> {
        self.keys(&KeyCommand::List {}, Retries::Standard).await
    }

    /// Has a command about keys carried out; the keys after it.
    pub(crate) async fn keys(
        &self,
        command: &KeyCommand,
        retries: Retries,
    ) -> Result<KeyReport, StackError> {
        let retries = match retries {
            Retries::None => RetryConfig::disabled(),
            Retries::Standard => RetryConfig::standard(),
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
            return Err(StackError::Failed { function, message: message_of(payload) });
        }
        serde_json::from_slice(payload)
            .map_err(|_| StackError::NotUnderstood(self.function.clone()))
    }

    fn explain<E: ProvideErrorMetadata + Error + 'static>(
        &self,
        error: &SdkError<E>,
    ) -> StackError {
        match error.code() {
            Some("ResourceNotFoundException") => StackError::NoFunction(self.function.clone()),
            Some(code) => StackError::Refused {
                code: code.to_owned(),
                message: error.message().unwrap_or("no reason is given").to_owned(),
            },
            None if lacks_credentials(error) => StackError::NoCredentials,
            None => StackError::Unreachable(with_causes(error)),
        }
    }
}

/// What a function said when it failed, or Lambda in its place.
fn message_of(payload: &[u8]) -> String {
    #[derive(Deserialize)]
    struct FunctionError {
        #[serde(rename = "errorMessage")]
        message: String,
    }

    serde_json::from_slice(payload).map_or_else(
        |_| "it failed without a word".to_owned(),
        |error: FunctionError| error.message,
    )
}

/// Whether no place has credentials; those that are wrong somewhere are told in the SDK's words.
fn lacks_credentials(error: &dyn Error) -> bool {
    causes(error).any(|cause| {
        matches!(cause.downcast_ref(), Some(CredentialsError::CredentialsNotLoaded(_)))
    })
}

fn with_causes(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn causes<'error>(error: &'error dyn Error) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
}

/// The settings of a local stack's emulator; `folder` is where the stack keeps its state, or the
/// emulator's address. It takes any credentials, and nothing of the machine's AWS settings can
/// lead elsewhere.
fn local_settings(folder: &Path) -> Result<Builder, StackError> {
    let endpoint = match folder.to_str() {
        Some(address) if address.starts_with("http://") => address.to_owned(),
        _ => {
            let [usual, memory] = ENDPOINT_FILES.map(|name| folder.join(name));
            fs::read_to_string(&usual).or_else(|error| {
                let file = usual.display().to_string();
                fs::read_to_string(memory).map_err(|_| StackError::NoLocalStack { file, error })
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

/// What AWS's own program would take: the environment, and the files in the home folder.
async fn deployed_settings(deployment: &Deployment) -> Result<Builder, StackError> {
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
    let region = found.region().filter(is_set).ok_or(StackError::NoRegion)?;
    let mut settings = Builder::from(&found);
    if let Some(profile) = &deployment.profile {
        // The SDK would go by the environment first. Whoever names a profile means its account,
        // and not the one of credentials that another program needed.
        let surroundings = ProviderConfig::without_region()
            .with_behavior_version(Some(behavior_version()))
            .with_http_client(http_client)
            .with_region(Some(region.clone()));
        let credentials = ProfileFileCredentialsProvider::builder()
            .configure(&surroundings)
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

/// Trusts what the system trusts.
fn http_client() -> SharedHttpClient {
    HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https()
}

#[cfg(test)]
mod tests {
    use latchkey_testkit::template;

    use super::*;

    #[test]
    fn a_failure_of_the_function_is_told_in_its_own_words() {
        let said = br#"{"errorType":"UnknownKey","errorMessage":"there is no such key"}"#;
        assert_eq!(message_of(said), "there is no such key");
        for odd in [&b""[..], b"{}", b"[]", b"\xff"] {
            assert_eq!(message_of(odd), "it failed without a word");
        }
    }

    #[test]
    fn an_answer_that_is_no_report_is_not_understood() {
        for answer in [
            json!(null),
            json!({ "started": true }),
            json!({ "keys": [] }),
            json!({ "keys": [{ "kid": "a" }], "max_age": 120 }),
        ] {
            assert!(serde_json::from_value::<KeyReport>(answer.clone()).is_err(), "{answer}");
        }
    }

    #[test]
    fn the_function_is_waited_for_until_its_own_time_is_over() {
        let timeout = template().functions["AdminFunction"].timeout;
        assert!(OPERATION_TIMEOUT > CONNECT_TIMEOUT + Duration::from_secs(timeout));
    }
}
