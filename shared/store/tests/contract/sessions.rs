//! Contract: starting and finding sessions.

use std::time::Duration;

use latchkey_session::{AccountChangeOutcome, AccountStatus, SessionStart, SessionState, User};
use latchkey_token::{Timestamp, UserId};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Users, join_all, start, started};
use latchkey_testkit::fixtures::{NOW, SESSION_POLICY, operation, session, user};

pub(crate) async fn a_started_session_is_found(store: &impl Users) {
    let user = user("frank");
    store.add_user(&user, &operation()).await.unwrap();
    let started = session(&user, NOW);
    let start = SessionStart { user: &user, started: &started, password_hash: None };
    let outcome = store.start_session(&start).await.unwrap();
    assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");

    let state = store.find_session(&user.username, Some(&started.id)).await.unwrap().unwrap();
    let expected = SessionState {
        user: user.id.clone(),
        status: AccountStatus::Active,
        credentials_version: 0,
        session_expires_at: Some(started.session.expires_at),
    };
    assert_eq!(state, expected);
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.sessions[&started.id], started.session);
}

pub(crate) async fn a_session_of_another_name_is_not_found(store: &impl Users) {
    let (owner, other) = (user("grace"), user("heidi"));
    store.add_user(&owner, &operation()).await.unwrap();
    store.add_user(&other, &operation()).await.unwrap();
    let started = started(store, &owner, NOW).await;
    let state = store.find_session(&other.username, Some(&started)).await.unwrap().unwrap();
    assert_eq!((state.user, state.session_expires_at), (other.id, None));
}

/// The SDK repeats a write after a lost reply.
pub(crate) async fn the_same_start_delivered_twice_is_one_start(store: &impl Users) {
    let user = user("ivan");
    store.add_user(&user, &operation()).await.unwrap();
    let new = session(&user, NOW);
    for _ in 0..2 {
        let outcome = store.start_session(&start(&user, &new)).await.unwrap();
        assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");
    }
    assert_eq!(store.find_user(&user.username).await.unwrap().unwrap().sessions.len(), 1);
}

pub(crate) async fn a_start_with_outdated_credentials_writes_nothing(store: &impl Users) {
    let user = user("judy");
    store.add_user(&user, &operation()).await.unwrap();
    let new = session(&user, NOW);
    let outdated = User { credentials_version: 1, ..user.clone() };
    assert_changed(store.start_session(&start(&outdated, &new)).await.unwrap(), Some(&user.id));
    let replaced = User { id: UserId::generate().unwrap(), ..user.clone() };
    assert_changed(store.start_session(&start(&replaced, &new)).await.unwrap(), Some(&user.id));
    assert!(store.find_user(&user.username).await.unwrap().unwrap().sessions.is_empty());
}

/// An update must not create an incomplete item.
pub(crate) async fn a_start_for_a_deleted_user_writes_nothing(store: &impl Users) {
    let user = user("kate");
    let new = session(&user, NOW);
    assert_changed(store.start_session(&start(&user, &new)).await.unwrap(), None);
    assert!(store.find_user(&user.username).await.unwrap().is_none());
}

pub(crate) async fn a_start_over_the_limit_removes_the_oldest_session(store: &impl Users) {
    let user = user("leo");
    store.add_user(&user, &operation()).await.unwrap();
    let mut ids = Vec::new();
    for second in 0..4 {
        let now = NOW + Duration::from_secs(second);
        let current = store.find_user(&user.username).await.unwrap().unwrap();
        ids.push(started(store, &current, now).await);
    }
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.sessions.len(), SESSION_POLICY.limit);
    assert!(!found.sessions.contains_key(&ids[0]), "the oldest has ended");
}

pub(crate) async fn a_start_on_a_disabled_account_writes_nothing(store: &impl Users) {
    let mut user = user("mia");
    user.status = AccountStatus::Disabled;
    store.add_user(&user, &operation()).await.unwrap();
    let new = session(&user, NOW);
    assert_changed(store.start_session(&start(&user, &new)).await.unwrap(), Some(&user.id));
    assert!(store.find_user(&user.username).await.unwrap().unwrap().sessions.is_empty());
}

/// No login fails because of contention. Twenty logins that read the same item exceed the limit.
pub(crate) async fn concurrent_starts_all_succeed_and_the_next_restores_the_limit(
    store: &impl Users,
) {
    let user = user("nina");
    store.add_user(&user, &operation()).await.unwrap();
    for second in 0..3 {
        let current = store.find_user(&user.username).await.unwrap().unwrap();
        started(store, &current, NOW + Duration::from_secs(second)).await;
    }
    let full = store.find_user(&user.username).await.unwrap().unwrap();
    let new: Vec<_> = (0..20).map(|_| session(&full, NOW)).collect();
    let starts: Vec<_> = new.iter().map(|new| start(&full, new)).collect();
    for outcome in join_all(starts.iter().map(|start| store.start_session(start))).await {
        assert!(matches!(outcome, Ok(AccountChangeOutcome::Made)), "{outcome:?}");
    }
    let crowded = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(crowded.sessions.len(), 20 + SESSION_POLICY.limit - 1);
    started(store, &crowded, NOW + Duration::from_secs(9)).await;
    let restored = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(restored.sessions.len(), SESSION_POLICY.limit);
}

/// The removal stays within DynamoDB's limits of an expression.
pub(crate) async fn two_hundred_sessions_are_removed_in_one_write(store: &impl Users) {
    let mut user = user("nora");
    for _ in 0..250 {
        let old = session(&user, Timestamp::from_unix(1));
        user.sessions.insert(old.id, old.session);
    }
    store.add_user(&user, &operation()).await.unwrap();
    started(store, &user, NOW).await;
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.sessions.len(), 51);
    started(store, &found, NOW).await;
    assert_eq!(store.find_user(&user.username).await.unwrap().unwrap().sessions.len(), 2);
}

/// A rehash needs no separate write.
pub(crate) async fn a_start_can_replace_the_password_hash(store: &impl Users) {
    let user = user("olga");
    store.add_user(&user, &operation()).await.unwrap();
    let (new, hash) = (session(&user, NOW), SecretString::from("stronger"));
    let stronger = SessionStart { password_hash: Some(&hash), ..start(&user, &new) };
    store.start_session(&stronger).await.unwrap();
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.password_hash.unwrap().expose_secret(), "stronger");
    assert_eq!(found.credentials_version, 0, "the password is the same");
}

#[track_caller]
fn assert_changed(outcome: AccountChangeOutcome, owner: Option<&UserId>) {
    match outcome {
        AccountChangeOutcome::Changed(found) => {
            assert_eq!(found.map(|user| user.id).as_ref(), owner);
        }
        AccountChangeOutcome::Made => panic!("the session was started"),
    }
}
