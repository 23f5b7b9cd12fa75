//! Public keys, metadata and health: wiring only. The behaviour is in `lib.rs`.

use discovery::Discovery;
use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::Aws;
use latchkey_token::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let issuer = env.issuer()?;
    let keys = env.verifying_keys()?;
    let http = env.http()?;

    let keys = keys.connect(&Aws::new(env.call_timeout()?), Timestamp::now()).await;
    let discovery = Discovery { issuer, keys };

    run(http, async |request| discovery.handle(request, Timestamp::now()).await).await
}
