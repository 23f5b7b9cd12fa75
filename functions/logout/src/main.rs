//! `POST /logout` and `DELETE /logout`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, TokenReader, allow_only, run, start_logging};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_token::Timestamp;
use logout::Logout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let env = Environment::load()?;
    let users_table = env.users_table()?;
    let keys = env.verifying_keys()?;
    let tokens = env.tokens()?;
    let locations = env.locations()?;
    let http = env.http()?;

    let aws = Aws::default();
    let logout = Logout {
        users: DynamoUsers::connect(&aws, users_table).await,
        reader: TokenReader::connect(keys, tokens, locations, &aws, Timestamp::now()).await?,
    };

    run(http, async |request| {
        allow_only(request, "POST, DELETE")?;
        logout.handle(request, Timestamp::now()).await
    })
    .await
}
