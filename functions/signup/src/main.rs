//! `POST /signup`: wiring only. The behaviour is in `lib.rs`.

use auth_api::{StartError, allow_only, run, start_logging};
use auth_config::{SignupConfig, log_settings};
use auth_password::Hasher;
use auth_store::{Aws, DynamoUsers};
use auth_token::Timestamp;
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
