//! `POST /password`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{SigningKeys, StartError, TokenReader, allow_only, run, start_logging};
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use password::Password;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let (keys, legacy_table) = env.with_flask(env.signing_keys()?)?;
    let tokens = env.tokens()?;
    let sessions = env.sessions()?;
    let passwords = PasswordPolicy::new(env.password_min_chars()?).with_issuer(&env.issuer()?);
    let hashing = env.hashing(HashParams::new)?;
    let locations = env.locations()?;
    let http = env.http()?;

    let aws = Aws::default();
    let leeway = tokens.leeway;
    let signing = move |keys, flask| SigningKeys::new(keys, flask, &tokens);
    let keys = keys.connect_signing(&aws, Timestamp::now(), signing).await?;
    let password = Password {
        users: DynamoUsers::connect(&aws, users_table).await.with_legacy(legacy_table),
        reader: TokenReader { keys, locations, leeway },
        passwords,
        hasher: Hasher::new(hashing)?,
        sessions,
    };

    run(http, async |request| {
        allow_only(request, "POST")?;
        password.handle(request, Timestamp::now()).await
    })
    .await
}
