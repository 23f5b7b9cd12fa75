//! `/protected`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::Aws;
use latchkey_token::Timestamp;
use protected::Protected;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let guard = env.guard()?;
    let http = env.http()?;

    let protected =
        Protected { guard: guard.connect(&Aws::new(env.call_timeout()?), Timestamp::now()).await };

    run(http, async |request| protected.handle(request, Timestamp::now()).await).await
}
