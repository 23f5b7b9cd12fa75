//! Public keys, metadata and health: wiring only. The behaviour is in `lib.rs`.

use discovery::Discovery;
use latchkey_config::{DiscoveryConfig, log_settings};
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::{Aws, TrustedKeys};
use latchkey_token::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = DiscoveryConfig::from_env()?;
    let ours = |keys: TrustedKeys| keys.verifying;
    let keys = config.keys.connect_trusted(&Aws::default(), Timestamp::now(), ours).await?;
    let discovery = Discovery { issuer: config.issuer, keys };

    run(config.http, async |request| discovery.handle(request, Timestamp::now()).await).await
}
