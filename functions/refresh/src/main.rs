//! `POST /refresh`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_guard::TokenReader;
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use refresh::Refresh;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let (keys, legacy_table) = env.with_flask(env.signing_keys(None)?)?;
    let profile = env.tokens()?;
    let sessions = env.sessions()?;
    let policy = env.rotation()?;
    let locations = env.locations()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let keys = keys.connect(&aws, Timestamp::now()).await;
    let refresh = Refresh {
        users: DynamoUsers::connect(&aws, users_table).await.with_legacy(legacy_table),
        reader: TokenReader { keys, profile, locations },
        policy,
        sessions,
    };

    run(http, async |request| refresh.handle(request, Timestamp::now()).await).await
}
