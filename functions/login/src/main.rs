//! `POST /login` and `POST /auth`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{AttemptLimits, StartError, run, start_logging};
use latchkey_password::{HashParams, Hasher};
use latchkey_store::{Aws, DynamoLimits, DynamoUsers};
use latchkey_token::Timestamp;
use login::Login;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let keys = env.signing_keys(Some(env.ring_algorithm()?))?;
    let profile = env.tokens()?;
    let sessions = env.sessions()?;
    let (limits_table, address_limit, account_limit) = env.login_limits()?;
    let hashing = env.hashing(HashParams::new)?;
    let locations = env.locations()?;
    let flask_jwt = env.flask_jwt_login()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let limits = DynamoLimits::connect(&aws, limits_table).await;
    let login = Login {
        users: DynamoUsers::connect(&aws, users_table).await,
        limits: AttemptLimits::new(limits, address_limit, account_limit),
        hasher: Hasher::new(hashing)?,
        keys: keys.connect(&aws, Timestamp::now()).await,
        profile,
        sessions,
        locations,
        flask_jwt,
    };

    run(http, async |request| login.handle(request, Timestamp::now()).await).await
}
