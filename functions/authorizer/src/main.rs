//! The API Gateway authorizer: wiring only. The behaviour is in `lib.rs`.

use authorizer::Authorizer;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, in_time, start_logging};
use latchkey_store::Aws;
use latchkey_token::Timestamp;
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let (guard, edge) = (env.guard()?, env.edge()?);

    let aws = Aws::new(env.call_timeout()?);
    let authorizer = &Authorizer { guard: guard.connect(&aws, Timestamp::now()).await, edge };

    Ok(run(service_fn(|event: LambdaEvent<Box<RawValue>>| {
        // Boxed, as in `latchkey_http::run`.
        Box::pin(async move {
            let decision = authorizer.handle(event.payload.get(), Timestamp::now());
            Ok::<_, Error>(in_time(event.context.deadline(), decision).await??)
        })
    }))
    .await?)
}
