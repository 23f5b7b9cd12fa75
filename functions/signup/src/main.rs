//! `POST /signup`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{AttemptLimits, StartError, run, start_logging};
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_store::{Aws, DynamoLimits, DynamoUsers};
use latchkey_token::Timestamp;
use signup::Signup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let passwords = PasswordPolicy::new(env.password_min_chars()?).with_issuer(&env.issuer()?);
    let hashing = env.hashing(HashParams::new)?;
    let is_open = env.signup_is_open()?;
    let (limits_table, address_limit) = env.signup_limit()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let limits = DynamoLimits::connect(&aws, limits_table).await;
    let signup = Signup {
        users: DynamoUsers::connect(&aws, users_table).await,
        is_open,
        limits: AttemptLimits::new(limits, address_limit, None),
        passwords,
        hasher: Hasher::new(hashing)?,
    };

    run(http, async |request| signup.handle(request, Timestamp::now()).await).await
}
