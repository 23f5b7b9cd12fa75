//! `/me` and `/sessions`: wiring only. The behaviour is in `lib.rs`.

use account::Account;
use latchkey_config::{Environment, log_settings};
use latchkey_guard::TokenReader;
use latchkey_http::{AttemptLimits, StartError, run, start_logging};
use latchkey_password::{HashParams, Hasher};
use latchkey_store::{Aws, DynamoLimits, DynamoUsers};
use latchkey_token::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let (keys, legacy_table) = env.with_flask(env.verifying_keys()?)?;
    let profile = env.tokens()?;
    let hashing = env.hashing(HashParams::new)?;
    let (limits_table, address_limit, account_limit) = env.login_limits()?;
    let locations = env.locations()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let limits = DynamoLimits::connect(&aws, limits_table).await;
    let account = Account {
        users: DynamoUsers::connect(&aws, users_table).await.with_legacy(legacy_table),
        reader: TokenReader {
            keys: keys.connect(&aws, Timestamp::now()).await,
            profile,
            locations,
        },
        limits: AttemptLimits::new(limits, address_limit, account_limit),
        hasher: Hasher::new(hashing)?,
    };

    run(http, async |request| account.handle(request, Timestamp::now()).await).await
}
