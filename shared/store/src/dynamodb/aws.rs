//! The connection to AWS, with short timeouts.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::{
    Client,
    config::{
        Builder, Credentials, SharedHttpClient,
        retry::{RetryPartition, TokenBucket},
    },
};
use aws_smithy_http_client::{
    Builder as HttpBuilder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use tokio::sync::OnceCell;

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

const EMULATOR_CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// Including the first attempt. The SDK adds jitter to the backoff.
const MAX_ATTEMPTS: u32 = 3;
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);
const MAX_BACKOFF: Duration = Duration::from_millis(200);

/// The root certificates of all AWS endpoints. The default client parses all certificates of the
/// system, which takes most of a cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The configuration of a function's AWS clients, loaded when a store first connects.
///
/// It comes from the environment that Lambda provides: region, credentials, and endpoints such as
/// `AWS_ENDPOINT_URL_DYNAMODB`.
#[derive(Debug)]
pub struct Aws {
    emulator: Option<String>,
    call_timeout: Duration,
    settings: OnceCell<SdkConfig>,
}

impl Aws {
    /// A connection with this time limit for a call including its retries, and half of it for each
    /// attempt. The SDK has no default limit.
    pub fn new(call_timeout: Duration) -> Self {
        Self { emulator: None, call_timeout, settings: OnceCell::new() }
    }

    /// A connection to an emulator at the URL `endpoint`, which accepts any credentials.
    pub fn emulator(endpoint: &str) -> Self {
        Self { emulator: Some(endpoint.to_owned()), ..Self::new(EMULATOR_CALL_TIMEOUT) }
    }

    /// A DynamoDB client.
    pub(crate) async fn dynamodb(&self) -> Client {
        let settings = Builder::from(self.settings().await).retry_partition(retry_partition());
        Client::from_conf(settings.build())
    }

    pub(crate) async fn settings(&self) -> &SdkConfig {
        self.settings
            .get_or_init(|| load_settings(self.emulator.as_deref(), self.call_timeout))
            .await
    }
}

/// The SDK's default retry quota counts a write that was repeated after a lost reply as a failure,
/// and stops retries after some dozens of them. A sandbox makes one call at a time with at most
/// three attempts, so it needs no quota.
fn retry_partition() -> RetryPartition {
    RetryPartition::custom("latchkey").token_bucket(TokenBucket::unlimited()).build()
}

async fn load_settings(emulator: Option<&str>, call_timeout: Duration) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(call_timeout / 2)
        .operation_timeout(call_timeout)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(MAX_BACKOFF);
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client())
        .timeout_config(timeouts)
        .retry_config(retries)
        // Responses have a few kilobytes at most, and the attempt timeout covers stalls.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let loader = match emulator {
        None => loader.credentials_provider(EnvironmentVariableCredentialsProvider::new()),
        Some(endpoint) => loader
            .endpoint_url(endpoint)
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "emulator")),
    };
    loader.load().await
}

fn http_client() -> SharedHttpClient {
    let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let builder = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    match TlsContext::builder().with_trust_store(roots).build() {
        Ok(context) => builder.tls_context(context).build_https(),
        // The system's certificates: slower to load, equally secure.
        Err(_) => builder.build_https(),
    }
}
