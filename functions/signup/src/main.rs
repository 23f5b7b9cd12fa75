//! `POST /signup`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{SignupConfig, log_settings};
use latchkey_http::{StartError, allow_only, run, start_logging};
use latchkey_password::Hasher;
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use signup::Signup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = SignupConfig::from_env()?;
    let signup = Signup {
        users: DynamoUsers::connect(&Aws::default(), config.users_table).await,
        passwords: config.passwords,
        hasher: Hasher::new(config.hashing)?,
    };

    run(config.http, async |request| {
        allow_only(request, "POST")?;
        signup.handle(request, Timestamp::now()).await
    })
    .await
}
