//! The signing keys: wiring only. The behaviour is in `lib.rs`.

use auth_api::{StartError, start_logging};
use auth_config::{KeysConfig, log_settings};
use auth_store::{Aws, DynamoKeys, SecretRings};
use auth_token::Timestamp;
use keys::Keys;
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = KeysConfig::from_env()?;
    let aws = Aws::patient();
    let keys = &Keys {
        secret: SecretRings::connect(&aws, config.secret_arn.clone()).await,
        table: DynamoKeys::connect(&aws, config.keys_table).await,
        secret_arn: config.secret_arn,
        policy: config.policy,
        max_age: config.max_age,
    };

    Ok(run(service_fn(async |event: LambdaEvent<_>| {
        // The runtime logs what it reports, and a person reads it.
        keys.handle(event.payload, Timestamp::now()).await.map_err(Diagnostic::from)
    }))
    .await?)
}
