//! `POST /login` and `POST /auth`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, allow_only, run, start_logging};
use latchkey_password::{HashParams, Hasher};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::{Issuer, KeySet, Timestamp};
use login::Login;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let keys = env.first_signing_keys()?;
    let tokens = env.tokens()?;
    let sessions = env.sessions()?;
    let hashing = env.hashing(HashParams::new)?;
    let locations = env.locations()?;
    let flask_jwt = env.flask_jwt_login()?;
    let http = env.http()?;

    let aws = Aws::default();
    let issuer = move |keys: KeySet, _| Issuer::new(keys.into_signing_key(), tokens.clone());
    let login = Login {
        users: DynamoUsers::connect(&aws, users_table).await,
        hasher: Hasher::new(hashing)?,
        issuer: keys.connect_signing(&aws, Timestamp::now(), issuer).await?,
        sessions,
        locations,
        flask_jwt,
    };

    run(http, async |request| {
        allow_only(request, "POST")?;
        login.handle(request, Timestamp::now()).await
    })
    .await
}
