//! `POST /refresh`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{RefreshConfig, log_settings};
use latchkey_http::{SigningKeys, StartError, TokenReader, allow_only, run, start_logging};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use refresh::Refresh;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = RefreshConfig::from_env()?;
    let aws = Aws::default();
    let tokens = config.tokens;
    let leeway = tokens.leeway;
    let keys = move |keys, flask| SigningKeys::new(keys, flask, &tokens);
    let keys = config.keys.connect_signing(&aws, Timestamp::now(), keys).await?;
    let users = DynamoUsers::connect(&aws, config.users_table).await;
    let refresh = Refresh {
        users: users.with_legacy(config.legacy_table),
        reader: TokenReader { keys, locations: config.locations, leeway },
        policy: config.rotation,
        sessions: config.sessions,
    };

    run(config.http, async |request| {
        allow_only(request, "POST")?;
        refresh.handle(request, Timestamp::now()).await
    })
    .await
}
