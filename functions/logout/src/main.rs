//! `POST /logout` and `DELETE /logout`: wiring only. The behaviour is in `lib.rs`.

use auth_api::{allow_only, run, start_logging};
use auth_config::{LogoutConfig, log_settings};
use auth_store::{Aws, DynamoUsers};
use auth_token::{Timestamp, Verifier};
use lambda_http::Error;
use logout::Logout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging(log_settings());
    let config = LogoutConfig::from_env()?;
    let aws = Aws::default();
    let keys = config.keys.load(&aws).await?.verifying_keys();
    let logout = Logout {
        users: DynamoUsers::connect(&aws, config.users_table).await,
        verifier: Verifier::new(keys, config.tokens),
    };

    run(async |request| {
        allow_only(request, "POST, DELETE")?;
        logout.handle(request, Timestamp::now()).await
    })
    .await
}
