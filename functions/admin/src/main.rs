//! Administration: wiring only. The behaviour is in `lib.rs`.

use std::time::Duration;

use admin::{Admin, KeyAdmin, UserAdmin};
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, start_logging};
use latchkey_store::{Aws, DynamoKeyRing, DynamoLimits, DynamoUsers, DynamoWorkItems, KmsKey};
use latchkey_token::Timestamp;
use serde_json::Value;

/// An operator or the daily schedule waits: the function may run for 30 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let (keys_table, kms_key, max_age) = env.ring()?;
    let policy = env.key_policy()?;
    let (users_table, limits_table) = (env.users_table()?, env.limits_table()?);
    let work_items_table = env.work_items_table()?;

    let aws = Aws::new(CALL_TIMEOUT);
    let admin = &Admin {
        keys: KeyAdmin {
            ring: DynamoKeyRing::connect(&aws, keys_table).await,
            kms: KmsKey::connect(&aws, kms_key).await,
            policy,
            max_age,
        },
        users: UserAdmin {
            users: DynamoUsers::connect(&aws, users_table).await,
            limits: DynamoLimits::connect(&aws, limits_table).await,
            work_items: DynamoWorkItems::connect(&aws, work_items_table).await,
        },
    };

    Ok(run(service_fn(async |event: LambdaEvent<Value>| {
        // The runtime logs the message and returns it to the operator.
        let (command, request_id) = (event.payload, event.context.request_id);
        let answer = Box::pin(admin.handle(command, &request_id, Timestamp::now())).await;
        answer.map_err(Diagnostic::from)
    }))
    .await?)
}
