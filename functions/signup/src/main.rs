//! `POST /signup`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, run, start_logging};
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use signup::Signup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let passwords = PasswordPolicy::new(env.password_min_chars()?).with_issuer(&env.issuer()?);
    let hashing = env.hashing(HashParams::new)?;
    let http = env.http()?;

    let signup = Signup {
        users: DynamoUsers::connect(&Aws::new(env.call_timeout()?), users_table).await,
        passwords,
        hasher: Hasher::new(hashing)?,
    };

    run(http, async |request| signup.handle(request, Timestamp::now()).await).await
}
