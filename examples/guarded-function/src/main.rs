//! Wiring. The function reads the variables of `protected`, which docs/configuration.md describes.

use guarded_function::GuardedFunction;
use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::Aws;
use latchkey_token::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let aws = Aws::new(env.call_timeout()?);
    let guard = env.guard()?.connect(&aws, Timestamp::now()).await;
    let function = GuardedFunction::new(guard);
    run(env.http()?, async |request| function.handle(request, Timestamp::now()).await).await
}
