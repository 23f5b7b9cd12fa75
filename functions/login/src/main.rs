//! `POST /login` and `POST /auth`: wiring only. The behaviour is in `lib.rs`.

use auth_api::{allow_only, run, start_logging};
use auth_config::{LoginConfig, log_settings};
use auth_password::Hasher;
use auth_store::{Aws, DynamoUsers};
use auth_token::{Issuer, Timestamp};
use lambda_http::Error;
use login::Login;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging(log_settings());
    let config = LoginConfig::from_env()?;
    let aws = Aws::default();
    let signing_key = config.keys.load(&aws).await?.into_signing_key();
    let login = Login {
        users: DynamoUsers::connect(&aws, config.users_table).await,
        hasher: Hasher::new(config.hashing)?,
        issuer: Issuer::new(signing_key, config.tokens),
        sessions: config.sessions,
        locations: config.locations,
    };

    run(config.errors, async |request| {
        allow_only(request, "POST")?;
        login.handle(request, Timestamp::now()).await
    })
    .await
}
