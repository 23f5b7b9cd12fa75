//! Contract: work items.

use latchkey_store::{AddWorkItem, WorkItem, WorkItemTable};
use latchkey_testkit::fixtures::NOW;
use latchkey_token::{Timestamp, UserId};

pub(crate) async fn work_items_are_listed_oldest_first(store: &(impl WorkItemTable + AddWorkItem)) {
    let user = UserId::generate().unwrap();
    for (id, age) in [("c", 1), ("a", 3), ("b", 2)] {
        store.add_work_item(&user, &item(id, age)).await.unwrap();
    }
    let listed = store.list_work_items(&user, None, 100).await.unwrap();
    assert_eq!(listed.next, None);
    assert_eq!(listed.items, [item("a", 3), item("b", 2), item("c", 1)]);
}

/// Pages of every size have each item once, and only the last one has no `next`.
pub(crate) async fn work_items_come_in_pages(store: &(impl WorkItemTable + AddWorkItem)) {
    let user = UserId::generate().unwrap();
    for id in ["e", "b", "d", "a", "c"] {
        store.add_work_item(&user, &item(id, 1)).await.unwrap();
    }
    for limit in 1..=6 {
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0_usize);
        loop {
            let page = store.list_work_items(&user, after.as_deref(), limit).await.unwrap();
            assert!(page.items.len() <= usize::from(limit));
            found.extend(page.items.into_iter().map(|item| item.id));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, ["a", "b", "c", "d", "e"]);
        assert_eq!(pages, 5_usize.div_ceil(usize::from(limit)), "no page is empty");
    }
    let removed = store.list_work_items(&user, Some("bb"), 1).await.unwrap();
    assert_eq!(removed.items[0].id, "c", "even after a removed item");
}

pub(crate) async fn work_items_belong_to_their_user(store: &(impl WorkItemTable + AddWorkItem)) {
    let (owner, other) = (UserId::generate().unwrap(), UserId::generate().unwrap());
    store.add_work_item(&owner, &item("a", 1)).await.unwrap();
    assert_eq!(listed(store, &other).await, []);
    store.remove_work_item(&other, "a").await.unwrap();
    assert_eq!(listed(store, &owner).await.len(), 1);
}

pub(crate) async fn an_item_added_twice_is_stored_once(store: &(impl WorkItemTable + AddWorkItem)) {
    let user = UserId::generate().unwrap();
    for _ in 0..2 {
        store.add_work_item(&user, &item("a", 1)).await.unwrap();
    }
    assert_eq!(listed(store, &user).await.len(), 1);
}

pub(crate) async fn a_removed_item_is_gone_and_removing_it_again_changes_nothing(
    store: &(impl WorkItemTable + AddWorkItem),
) {
    let user = UserId::generate().unwrap();
    store.add_work_item(&user, &item("a", 1)).await.unwrap();
    for _ in 0..2 {
        store.remove_work_item(&user, "a").await.unwrap();
        assert_eq!(listed(store, &user).await, []);
    }
}

async fn listed(store: &(impl WorkItemTable + AddWorkItem), user: &UserId) -> Vec<WorkItem> {
    store.list_work_items(user, None, 100).await.unwrap().items
}

fn item(id: &str, age: u64) -> WorkItem {
    let created_at = Timestamp::from_unix(NOW.unix() - age);
    WorkItem { id: id.to_owned(), title: format!("title of {id}"), created_at }
}
