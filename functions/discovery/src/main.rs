//! Public keys, metadata and health: wiring only. The behaviour is in `lib.rs`.

use auth_api::{StartError, run, start_logging};
use auth_config::{DiscoveryConfig, log_settings};
use auth_store::{Aws, TrustedKeys};
use auth_token::Timestamp;
use discovery::Discovery;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = DiscoveryConfig::from_env()?;
    let ours = |keys: TrustedKeys| keys.verifying;
    let keys = config.keys.connect_trusted(&Aws::default(), Timestamp::now(), ours).await?;
    let discovery = Discovery { issuer: config.issuer, keys };

    run(config.http, async |request| discovery.handle(request, Timestamp::now()).await).await
}
