//! The DynamoDB user store under faults.
#![cfg(test)]

use latchkey_session::{
    AccountChangeOutcome, AddUser as _, AddUserOutcome, ReadUser as _, SessionStart, StoreError,
    UpdateUser as _,
};
use latchkey_store::{Aws, DynamoUsers};
use latchkey_testkit::{
    dynamodb,
    fixtures::{NOW, operation, session, user},
    proxy::{DynamoProxy, Fault},
};

async fn users_behind_a_proxy() -> (DynamoUsers, DynamoProxy) {
    let proxy = DynamoProxy::start(&dynamodb().await).await;
    let users =
        DynamoUsers::connect(&Aws::emulator(&proxy.endpoint), "UsersTable".to_owned()).await;
    (users, proxy)
}

#[tokio::test]
async fn an_addition_with_a_lost_reply_succeeds() {
    let (users, proxy) = users_behind_a_proxy().await;
    proxy.inject("PutItem", Fault::DropReply, 1);
    let outcome = users.add_user(&user("alice"), &operation()).await.unwrap();
    assert_eq!(outcome, AddUserOutcome::Added);
    assert_eq!(proxy.take_calls().len(), 2, "the client retries");
}

#[tokio::test]
async fn a_session_start_with_a_lost_reply_succeeds() {
    let (users, proxy) = users_behind_a_proxy().await;
    let alice = user("alice");
    users.add_user(&alice, &operation()).await.unwrap();
    let started = session(&alice, NOW);
    let start = SessionStart { user: &alice, started: &started, password_hash: None };
    proxy.inject("UpdateItem", Fault::DropReply, 1);
    let outcome = users.start_session(&start).await.unwrap();
    assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");
}

#[tokio::test]
async fn a_transient_fault_is_retried() {
    let (users, proxy) = users_behind_a_proxy().await;
    for fault in [
        Fault::Error("ProvisionedThroughputExceededException"),
        Fault::Error("ThrottlingException"),
        Fault::Error("InternalServerError"),
        Fault::DropRequest,
        Fault::DropReply,
    ] {
        proxy.inject("GetItem", fault, 1);
        assert!(users.find_user(&user("unknown").username).await.unwrap().is_none(), "{fault:?}");
        assert_eq!(proxy.take_calls().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_permanent_fault_is_unavailable_after_three_attempts() {
    let (users, proxy) = users_behind_a_proxy().await;
    for fault in [
        Fault::Error("ThrottlingException"),
        Fault::Error("InternalServerError"),
        Fault::DropRequest,
    ] {
        proxy.inject("GetItem", fault, 10);
        let error = users.find_user(&user("unknown").username).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{fault:?}: {error:?}");
        assert_eq!(proxy.take_calls().len(), 3, "{fault:?}");
        proxy.heal();
    }
    assert!(users.find_user(&user("unknown").username).await.unwrap().is_none());
}

#[tokio::test]
async fn a_call_without_a_response_times_out() {
    let (users, proxy) = users_behind_a_proxy().await;
    proxy.inject("GetItem", Fault::Hang, 10);
    let error = users.find_user(&user("unknown").username).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn users_and_sessions_are_read_consistently() {
    let (users, proxy) = users_behind_a_proxy().await;
    let alice = user("alice");
    users.find_user(&alice.username).await.unwrap();
    let id = session(&alice, NOW).id;
    users.find_session(&alice.username, Some(&id)).await.unwrap();
    users.find_session(&alice.username, None).await.unwrap();
    assert!(proxy.take_calls().iter().all(|call| call.is_consistent));
}
