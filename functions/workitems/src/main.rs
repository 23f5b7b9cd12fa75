//! `/workitems`: wiring only. The behaviour is in `lib.rs`.

use latchkey_config::{WorkItemsConfig, log_settings};
use latchkey_http::{Guard, StartError, run, start_logging};
use latchkey_store::{Aws, DynamoWorkItems};
use latchkey_token::Timestamp;
use workitems::WorkItems;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    start_logging(log_settings());
    let config = WorkItemsConfig::from_env()?;
    let aws = Aws::default();
    let work_items = WorkItems {
        items: DynamoWorkItems::connect(&aws, config.work_items_table).await,
        guard: Guard::connect(config.guard, &aws, Timestamp::now()).await?,
    };

    run(config.http, async |request| work_items.handle(request, Timestamp::now()).await).await
}
