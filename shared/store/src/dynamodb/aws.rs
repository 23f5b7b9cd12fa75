//! The connection to AWS: few parts, tight budgets.

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

/// First try included. The pauses between them are jittered.
const MAX_ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The roots of every AWS endpoint. The default client parses all the system's certificates when
/// it is made, which is most of a cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// What every AWS client of a function shares. Made in `main`; costs nothing until a store asks
/// for a connection, so that a function which needs none does not pay for it.
///
/// It takes its settings from the environment that Lambda provides: region,
/// credentials, and endpoints such as `AWS_ENDPOINT_URL_DYNAMODB`.
#[derive(Debug)]
pub struct Aws {
    emulator: Option<String>,
    call_timeout: Duration,
    settings: OnceCell<SdkConfig>,
}

impl Aws {
    /// A connection whose calls may take this long with their retries, and half of it for one attempt.
    /// The SDK has no time limit of its own.
    pub fn new(call_timeout: Duration) -> Self {
        Self { emulator: None, call_timeout, settings: OnceCell::new() }
    }

    /// A connection to an emulator at `endpoint`, which takes any credentials.
    pub fn emulator(endpoint: &str) -> Self {
        Self { emulator: Some(endpoint.to_owned()), ..Self::new(EMULATOR_CALL_TIMEOUT) }
    }

    /// A client of DynamoDB.
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

/// The SDK stops retrying after some dozens of retries that did not end in success, and a write
/// that is recognised as our own does not. A sandbox makes one call at a time and tries it three
/// times at most, so that it needs no further limit.
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
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE);
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client())
        .timeout_config(timeouts)
        .retry_config(retries)
        // Answers are at most a few kilobytes; the attempt's time limit is the protection.
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
        // Slower to start and just as safe.
        Err(_) => builder.build_https(),
    }
}
