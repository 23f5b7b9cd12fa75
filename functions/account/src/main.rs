//! `/me` and `/sessions`: wiring only. The behaviour is in `lib.rs`.

use account::Account;
use latchkey_config::{AccountConfig, log_settings};
use latchkey_http::{StartError, TokenReader, run, start_logging};
use latchkey_password::Hasher;
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = AccountConfig::from_env()?;
    let aws = Aws::default();
    let AccountConfig { keys, tokens, locations, .. } = config;
    let users = DynamoUsers::connect(&aws, config.users_table).await;
    let account = Account {
        users: users.with_legacy(config.legacy_table),
        reader: TokenReader::connect(keys, tokens, locations, &aws, Timestamp::now()).await?,
        hasher: Hasher::new(config.hashing)?,
    };

    run(config.http, async |request| account.handle(request, Timestamp::now()).await).await
}
