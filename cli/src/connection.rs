//! The connection to AWS, or to a local stack's emulator of it.

use std::{error::Error, fs, iter, path::Path, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_credential_types::{
    Credentials,
    provider::{SharedCredentialsProvider, error::CredentialsError},
};
use aws_sdk_lambda::{
    config::SharedHttpClient,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder as HttpBuilder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use latchkey_session::with_causes;

use crate::{arguments::DeploymentOptions, failure::Failure};

/// The stack name of `samconfig.toml`.
const DEPLOYED: &str = "latchkey";

/// The files with the address of a local stack's AWS emulator: of a stack with its state in that
/// folder, and of one without state.
pub(crate) const ENDPOINT_FILES: [&str; 2] = ["aws-endpoint", "aws-endpoint-memory"];

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longer than the timeout of the `admin` function, so that its error arrives.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(35);

/// The name of the stack on AWS.
pub(crate) fn stack_name(deployment: &DeploymentOptions) -> &str {
    deployment.stack.as_deref().unwrap_or(DEPLOYED)
}

/// The address in `--local=ADDRESS`; `None` for a folder.
pub(crate) fn local_address(place: &Path) -> Option<&str> {
    place.to_str().filter(|address| address.starts_with("http://"))
}

/// The settings for a local stack's emulator, which accepts any credentials. `place` has the stack's
/// state, or is the emulator's address. The AWS settings of the machine are not read.
pub(crate) fn local(place: &Path) -> Result<SdkConfig, Failure> {
    let endpoint = if let Some(address) = local_address(place) {
        address.to_owned()
    } else {
        let [with_state, memory] = ENDPOINT_FILES.map(|name| place.join(name));
        fs::read_to_string(&with_state).or_else(|error| {
            let file = with_state.display().to_string();
            fs::read_to_string(memory).map_err(|_| Failure::NoLocalStack { file, error })
        })?
    };
    let credentials = Credentials::new("local", "local", None, None, "local");
    let settings = SdkConfig::builder()
        .behavior_version(behavior_version())
        .http_client(http_client())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint.trim())
        .build();
    Ok(with_timeouts(&settings))
}

/// The settings from the environment and the AWS configuration files, as the AWS CLI reads them.
pub(crate) async fn deployed(deployment: &DeploymentOptions) -> Result<SdkConfig, Failure> {
    let http_client = http_client();
    let mut loader = aws_config::defaults(behavior_version()).http_client(http_client.clone());
    if let Some(profile) = &deployment.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &deployment.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &deployment.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let mut found = loader.load().await;
    let is_set = |region: &&Region| !region.as_ref().is_empty();
    let region = found.region().filter(is_set).ok_or(Failure::NoRegion)?;
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
        let credentials = SharedCredentialsProvider::new(credentials);
        found = found.into_builder().credentials_provider(credentials).build();
    }
    Ok(with_timeouts(&found))
}

fn with_timeouts(settings: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let settings = settings.to_builder().timeout_config(timeouts);
    // The operation timeout is enough.
    settings.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build()
}

/// The failure of a call.
pub(crate) fn explain<E>(error: &SdkError<E>) -> Failure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match error.code() {
        Some(code) => Failure::Refused {
            code: code.to_owned(),
            message: error.message().unwrap_or("no reason given").to_owned(),
        },
        None if causes(error).any(is_missing_credentials) => Failure::NoCredentials,
        None => Failure::Unreachable(with_causes(error)),
    }
}

/// Whether there are no credentials at all. The SDK explains invalid ones.
fn is_missing_credentials(cause: &(dyn Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(CredentialsError::CredentialsNotLoaded(_)))
}

/// The failure to find credentials.
pub(crate) fn explain_credentials(error: &CredentialsError) -> Failure {
    if is_missing_credentials(error) {
        return Failure::NoCredentials;
    }
    Failure::Credentials(with_causes(error))
}

/// The causes of an error, outermost first.
fn causes<'error>(error: &'error dyn Error) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    iter::successors(error.source(), |&cause| cause.source())
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
