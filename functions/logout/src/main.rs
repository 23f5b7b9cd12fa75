//! `POST /logout` and `DELETE /logout`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{LogoutConfig, log_settings};
use latchkey_http::{StartError, TokenReader, allow_only, run, start_logging};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use logout::Logout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = LogoutConfig::from_env()?;
    let aws = Aws::default();
    let LogoutConfig { keys, tokens, locations, .. } = config;
    let logout = Logout {
        users: DynamoUsers::connect(&aws, config.users_table).await,
        reader: TokenReader::connect(keys, tokens, locations, &aws, Timestamp::now()).await?,
    };

    run(config.http, async |request| {
        allow_only(request, "POST, DELETE")?;
        logout.handle(request, Timestamp::now()).await
    })
    .await
}
