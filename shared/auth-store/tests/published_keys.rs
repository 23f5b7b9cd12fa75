//! The keys table: one ring, replaced whole and on condition, on a real engine.
#![cfg(test)]

use auth_store::{
    Aws, DynamoKeys, FindPublishedRing as _, Publication, PublishOutcome, PublishRing as _,
    PublishedText, StoreError,
};
use auth_testkit::{
    dynamodb,
    proxy::{DynamoProxy, Fault},
    subject::{NOW, new_ring, operation},
};
use auth_token::{OperationId, PublishedRing};

async fn keys_behind_a_proxy() -> (DynamoKeys, DynamoProxy) {
    let proxy = DynamoProxy::start(&dynamodb().await).await;
    let keys = DynamoKeys::connect(&Aws::emulator(&proxy.endpoint), "KeysTable".to_owned()).await;
    (keys, proxy)
}

async fn publish(
    keys: &DynamoKeys,
    ring: &PublishedRing,
    replaces: Option<&OperationId>,
    version: &OperationId,
) -> PublishOutcome {
    let replaces = replaces.map(OperationId::as_str);
    keys.publish_ring(&Publication { ring, replaces, version, now: NOW }).await.unwrap()
}

#[track_caller]
fn assert_holds(found: Option<PublishedText>, ring: &PublishedRing, version: &OperationId) {
    let found = found.expect("there is a ring");
    assert_eq!((found.text, found.version), (ring.to_json(), version.as_str().to_owned()));
}

#[tokio::test]
async fn what_was_published_is_found_as_it_was_written() {
    let (keys, _) = keys_behind_a_proxy().await;
    assert_eq!(keys.find_published_ring().await.unwrap(), None);
    let (ring, version) = (new_ring().published(), operation());
    assert_eq!(publish(&keys, &ring, None, &version).await, PublishOutcome::Published);
    let found = keys.find_published_ring().await.unwrap().unwrap();
    assert_eq!(PublishedRing::parse(&found.text).unwrap(), ring);
    assert_holds(Some(found), &ring, &version);
}

#[tokio::test]
async fn a_ring_is_replaced_whole_by_who_has_read_it() {
    let (keys, _) = keys_behind_a_proxy().await;
    let mut last = operation();
    assert_eq!(
        publish(&keys, &new_ring().published(), None, &last).await,
        PublishOutcome::Published
    );
    for _ in 0..3 {
        let (ring, version) = (new_ring().published(), operation());
        let outcome = publish(&keys, &ring, Some(&last), &version).await;
        assert_eq!(outcome, PublishOutcome::Published);
        assert_holds(keys.find_published_ring().await.unwrap(), &ring, &version);
        last = version;
    }
}

#[tokio::test]
async fn who_has_read_another_ring_than_there_is_changes_nothing() {
    let (keys, _) = keys_behind_a_proxy().await;
    let (first, second) = (operation(), operation());
    let unread = publish(&keys, &new_ring().published(), Some(&first), &second).await;
    assert_eq!(unread, PublishOutcome::Changed, "there is none to be replaced");
    assert_eq!(keys.find_published_ring().await.unwrap(), None);

    assert_eq!(
        publish(&keys, &new_ring().published(), None, &first).await,
        PublishOutcome::Published
    );
    let ring = new_ring().published();
    assert_eq!(publish(&keys, &ring, Some(&first), &second).await, PublishOutcome::Published);
    for replaces in [None, Some(&first), Some(&operation())] {
        let outcome = publish(&keys, &new_ring().published(), replaces, &operation()).await;
        assert_eq!(outcome, PublishOutcome::Changed, "{replaces:?}");
        assert_holds(keys.find_published_ring().await.unwrap(), &ring, &second);
    }
}

#[tokio::test]
async fn of_two_who_replace_one_ring_at_one_time_one_succeeds() {
    let (keys, proxy) = keys_behind_a_proxy().await;
    let first = operation();
    publish(&keys, &new_ring().published(), None, &first).await;
    let (rings, versions) =
        ([new_ring().published(), new_ring().published()], [operation(), operation()]);
    proxy.hold("PutItem", 2);
    let outcomes = tokio::join!(
        publish(&keys, &rings[0], Some(&first), &versions[0]),
        publish(&keys, &rings[1], Some(&first), &versions[1]),
    );
    let winner = match outcomes {
        (PublishOutcome::Published, PublishOutcome::Changed) => 0,
        (PublishOutcome::Changed, PublishOutcome::Published) => 1,
        both => panic!("{both:?}"),
    };
    let found = keys.find_published_ring().await.unwrap();
    assert_holds(found, &rings[winner], &versions[winner]);
}

#[tokio::test]
async fn a_publication_whose_reply_was_lost_is_recognised_as_our_own() {
    let (keys, proxy) = keys_behind_a_proxy().await;
    let (first, second) = (operation(), operation());
    for (replaces, version) in [(None, &first), (Some(&first), &second)] {
        let ring = new_ring().published();
        proxy.take_calls();
        proxy.inject("PutItem", Fault::DropReply, 1);
        let outcome = publish(&keys, &ring, replaces, version).await;
        assert_eq!(outcome, PublishOutcome::Published, "{replaces:?}");
        assert_eq!(proxy.take_calls().len(), 2, "the client tried again");
        assert_holds(keys.find_published_ring().await.unwrap(), &ring, version);
        // Nor does it matter when it is the caller who tries again.
        assert_eq!(publish(&keys, &ring, replaces, version).await, PublishOutcome::Published);
        assert_holds(keys.find_published_ring().await.unwrap(), &ring, version);
    }
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_unavailability_and_not_a_missing_ring() {
    let (keys, proxy) = keys_behind_a_proxy().await;
    for operation in ["GetItem", "PutItem"] {
        proxy.inject(operation, Fault::Error("InternalServerError"), usize::MAX);
    }
    let refused = keys.find_published_ring().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    let (ring, version) = (new_ring().published(), operation());
    let publication = Publication { ring: &ring, replaces: None, version: &version, now: NOW };
    let refused = keys.publish_ring(&publication).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    proxy.heal();
    assert_eq!(keys.find_published_ring().await.unwrap(), None);
}

#[tokio::test]
async fn the_ring_is_read_consistently_and_in_one_call() {
    let (keys, proxy) = keys_behind_a_proxy().await;
    publish(&keys, &new_ring().published(), None, &operation()).await;
    proxy.take_calls();
    assert!(keys.find_published_ring().await.unwrap().is_some());
    let calls = proxy.take_calls();
    assert_eq!(calls.len(), 1);
    assert!(calls.iter().all(|call| call.operation == "GetItem" && call.is_consistent));
}
