//! Rows that a deleted account has left.

use latchkey_store::{AddWorkItem as _, DynamoWorkItems, WorkItem, WorkItemTable as _};
use latchkey_testkit::{cloud::Cloud, fixtures::NOW};
use latchkey_token::UserId;
use serde_json::json;

use super::run;

#[tokio::test]
async fn purging_removes_the_rows_of_one_id_in_several_calls() {
    let cloud = Cloud::start().await;
    let rows = DynamoWorkItems::connect(&cloud.aws, "WorkItemsTable".to_owned()).await;
    let (gone, other) = (UserId::generate().unwrap(), UserId::generate().unwrap());
    for (user, count) in [(&gone, 230), (&other, 3)] {
        for number in 0..count {
            let (id, title) = (format!("item-{number:03}"), "Mow the lawn".to_owned());
            rows.add_work_item(user, &WorkItem { id, title, created_at: NOW }).await.unwrap();
        }
    }
    let purge = json!({ "command": "users.purge", "id": gone });
    for (removed, more) in [(100, true), (100, true), (30, false), (0, false)] {
        let answer = run(&cloud, purge.clone(), NOW).await.unwrap();
        assert_eq!(answer, json!({ "removed": removed, "more": more }));
    }
    assert_eq!(rows.list_work_items(&gone, None, 10).await.unwrap().items, []);
    assert_eq!(rows.list_work_items(&other, None, 10).await.unwrap().items.len(), 3);
}
