//! `POST /password`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{PasswordConfig, log_settings};
use latchkey_http::{SigningKeys, StartError, TokenReader, allow_only, run, start_logging};
use latchkey_password::Hasher;
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use password::Password;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = PasswordConfig::from_env()?;
    let aws = Aws::default();
    let tokens = config.tokens;
    let leeway = tokens.leeway;
    let keys = move |keys, flask| SigningKeys::new(keys, flask, &tokens);
    let keys = config.keys.connect_signing(&aws, Timestamp::now(), keys).await?;
    let users = DynamoUsers::connect(&aws, config.users_table).await;
    let password = Password {
        users: users.with_legacy(config.legacy_table),
        reader: TokenReader { keys, locations: config.locations, leeway },
        passwords: config.passwords,
        hasher: Hasher::new(config.hashing)?,
        sessions: config.sessions,
    };

    run(config.http, async |request| {
        allow_only(request, "POST")?;
        password.handle(request, Timestamp::now()).await
    })
    .await
}
