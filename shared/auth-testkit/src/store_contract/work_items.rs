//! What is promised of work items.

use auth_store::WorkItem;
use auth_token::{Timestamp, UserId};

use super::WorkItems;
use crate::subject::NOW;

/// Items come in the order in which they were added.
pub async fn work_items_are_listed_oldest_first(store: &impl WorkItems) {
    let user = UserId::generate().unwrap();
    for (id, age) in [("c", 1), ("a", 3), ("b", 2)] {
        store.add_work_item(&user, &item(id, age)).await.unwrap();
    }
    let listed = store.list_work_items(&user).await.unwrap();
    assert_eq!(listed, [item("a", 3), item("b", 2), item("c", 1)]);
}

/// Nobody sees or removes another's items.
pub async fn work_items_belong_to_their_user(store: &impl WorkItems) {
    let (owner, other) = (UserId::generate().unwrap(), UserId::generate().unwrap());
    store.add_work_item(&owner, &item("a", 1)).await.unwrap();
    assert_eq!(store.list_work_items(&other).await.unwrap(), []);
    store.remove_work_item(&other, "a").await.unwrap();
    assert_eq!(store.list_work_items(&owner).await.unwrap().len(), 1);
}

/// A retry changes nothing.
pub async fn an_item_added_twice_is_there_once(store: &impl WorkItems) {
    let user = UserId::generate().unwrap();
    for _ in 0..2 {
        store.add_work_item(&user, &item("a", 1)).await.unwrap();
    }
    assert_eq!(store.list_work_items(&user).await.unwrap().len(), 1);
}

/// Removing is idempotent.
pub async fn a_removed_item_is_gone_and_removing_it_again_changes_nothing(store: &impl WorkItems) {
    let user = UserId::generate().unwrap();
    store.add_work_item(&user, &item("a", 1)).await.unwrap();
    for _ in 0..2 {
        store.remove_work_item(&user, "a").await.unwrap();
        assert_eq!(store.list_work_items(&user).await.unwrap(), []);
    }
}

fn item(id: &str, age: u64) -> WorkItem {
    let created_at = Timestamp::from_unix(NOW.unix() - age);
    WorkItem { id: id.to_owned(), title: format!("title of {id}"), created_at }
}
