//! `/workitems`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{Environment, log_settings};
use latchkey_http::{StartError, run, start_logging};
use latchkey_store::{Aws, DynamoWorkItems};
use latchkey_token::Timestamp;
use workitems::WorkItems;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings()?);
    let env = Environment::load()?;
    let work_items_table = env.work_items_table()?;
    let guard = env.guard()?;
    let http = env.http()?;

    let aws = Aws::new(env.call_timeout()?);
    let work_items = WorkItems {
        items: DynamoWorkItems::connect(&aws, work_items_table).await,
        guard: guard.connect(&aws, Timestamp::now()).await,
    };

    run(http, async |request| work_items.handle(request, Timestamp::now()).await).await
}
