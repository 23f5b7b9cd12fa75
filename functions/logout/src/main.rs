//! `POST /logout` and `DELETE /logout`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_guard::TokenReader;
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use logout::Logout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let keys = env.verifying_keys()?;
    let profile = env.tokens()?;
    let locations = env.locations()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let logout = Logout {
        users: DynamoUsers::connect(&aws, users_table).await,
        reader: TokenReader {
            keys: keys.connect(&aws, Timestamp::now()).await,
            profile,
            locations,
        },
    };

    run(http, async |request| logout.handle(request, Timestamp::now()).await).await
}
