//! `POST /login` and `POST /auth`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{LoginConfig, log_settings};
use latchkey_http::{StartError, allow_only, run, start_logging};
use latchkey_password::Hasher;
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::{Issuer, KeySet, Timestamp};
use login::Login;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = LoginConfig::from_env()?;
    let aws = Aws::default();
    let tokens = config.tokens;
    let issuer = move |keys: KeySet, _| Issuer::new(keys.into_signing_key(), tokens.clone());
    let login = Login {
        users: DynamoUsers::connect(&aws, config.users_table).await,
        hasher: Hasher::new(config.hashing)?,
        issuer: config.keys.connect_signing(&aws, Timestamp::now(), issuer).await?,
        sessions: config.sessions,
        locations: config.locations,
        flask_jwt: config.flask_jwt,
    };

    run(config.http, async |request| {
        allow_only(request, "POST")?;
        login.handle(request, Timestamp::now()).await
    })
    .await
}
