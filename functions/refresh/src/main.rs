//! `POST /refresh`: wiring only. The behaviour is in `lib.rs`.

use auth_api::{TokenReader, allow_only, run, start_logging};
use auth_config::{RefreshConfig, log_settings};
use auth_store::{Aws, DynamoUsers};
use auth_token::{Issuer, Timestamp, Verifier};
use lambda_http::Error;
use refresh::Refresh;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging(log_settings());
    let config = RefreshConfig::from_env()?;
    let aws = Aws::default();
    let keys = config.keys.load(&aws).await?;
    let refresh = Refresh {
        users: DynamoUsers::connect(&aws, config.users_table).await,
        reader: TokenReader {
            verifier: Verifier::new(keys.verifying_keys(), config.tokens.clone()),
            flask: keys.flask_keys(),
            locations: config.locations,
        },
        issuer: Issuer::new(keys.into_signing_key(), config.tokens),
        policy: config.rotation,
        sessions: config.sessions,
    };

    run(config.errors, async |request| {
        allow_only(request, "POST")?;
        refresh.handle(request, Timestamp::now()).await
    })
    .await
}
