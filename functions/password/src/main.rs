//! `POST /password`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_guard::TokenReader;
use latchkey_http::{AttemptLimits, StartError, run, start_logging};
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_store::{Aws, DynamoLimits, DynamoUsers};
use latchkey_token::Timestamp;
use password::Password;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let (keys, legacy_table) = env.with_flask(env.signing_keys(None)?)?;
    let profile = env.tokens()?;
    let sessions = env.sessions()?;
    let passwords = PasswordPolicy::new(env.password_min_chars()?).with_issuer(&env.issuer()?);
    let hashing = env.hashing(HashParams::new)?;
    let (limits_table, address_limit, account_limit) = env.login_limits()?;
    let locations = env.locations()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let keys = keys.connect(&aws, Timestamp::now()).await;
    let limits = DynamoLimits::connect(&aws, limits_table).await;
    let password = Password {
        users: DynamoUsers::connect(&aws, users_table).await.with_legacy(legacy_table),
        reader: TokenReader { keys, profile, locations },
        limits: AttemptLimits::new(limits, address_limit, account_limit),
        passwords,
        hasher: Hasher::new(hashing)?,
        sessions,
    };

    run(http, async |request| password.handle(request, Timestamp::now()).await).await
}
