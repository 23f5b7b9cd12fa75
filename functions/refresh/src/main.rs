//! `POST /refresh`: wiring only. The behaviour is in `lib.rs`.

use auth_api::{StartError, TokenReader, allow_only, run, start_logging};
use auth_config::{RefreshConfig, log_settings};
use auth_store::{Aws, DynamoUsers};
use auth_token::Timestamp;
use refresh::{Refresh, RefreshKeys};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = RefreshConfig::from_env()?;
    let aws = Aws::default();
    let tokens = config.tokens;
    let keys = move |ring, flask| RefreshKeys::new(ring, flask, &tokens);
    let keys = config.keys.keep_signing(&aws, Timestamp::now(), keys).await?;
    let refresh = Refresh {
        users: DynamoUsers::connect(&aws, config.users_table).await,
        reader: TokenReader { keys, locations: config.locations },
        policy: config.rotation,
        sessions: config.sessions,
    };

    run(config.errors, async |request| {
        allow_only(request, "POST")?;
        refresh.handle(request, Timestamp::now()).await
    })
    .await
}
