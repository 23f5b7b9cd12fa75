//! What every store promises, as tests: `store_contract!(make)` runs them on what `make` returns.
//! Longer than the rest because it is one contract, one promise after the other.

use std::time::Duration;

use auth_session::{AccountStatus, Email, SessionState, Username};
use auth_store::{
    AddUser, AddUserOutcome, AddWorkItem, FindSession, FindUser, ListWorkItems, RemoveWorkItem,
    SessionStart, StartSession, StartSessionOutcome, WorkItem,
};
use auth_token::{SessionId, Timestamp, UserId};
use secrecy::{ExposeSecret as _, SecretString};

use crate::subject::{NOW, SESSION_POLICY, operation, session, user};

/// A store of users, all of it.
pub trait Users: AddUser + FindUser + FindSession + StartSession {}
impl<T: AddUser + FindUser + FindSession + StartSession> Users for T {}

/// A store of work items, all of it.
pub trait WorkItems: ListWorkItems + AddWorkItem + RemoveWorkItem {}
impl<T: ListWorkItems + AddWorkItem + RemoveWorkItem> WorkItems for T {}

/// Makes a test of each promise about users: `users_contract!(make_store)`, where `make_store` is
/// an `async fn`.
#[macro_export]
macro_rules! users_contract {
    ($make:path) => {
        $crate::users_contract!($make;
            an_added_user_is_found_with_everything,
            a_user_without_email_or_roles_is_found,
            an_unknown_name_finds_nothing,
            names_are_compared_in_their_folded_form,
            a_taken_name_is_refused_and_nothing_changes,
            the_same_addition_delivered_twice_is_one_addition,
            of_parallel_additions_of_one_name_exactly_one_wins,
            a_started_session_is_found_alive,
            a_session_of_another_name_is_not_found,
            the_same_start_delivered_twice_is_one_start,
            a_start_with_outdated_credentials_writes_nothing,
            a_start_for_a_deleted_user_writes_nothing,
            a_start_removes_the_sessions_that_make_room,
            a_start_without_room_writes_nothing,
            two_starts_cannot_make_room_by_ending_the_same_session,
            a_start_can_replace_the_password_hash,
        );
    };
    ($make:path; $($promise:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $promise() {
            $crate::store_contract::$promise(&$make().await).await;
        }
    )*};
}

/// Makes a test of each promise about work items.
#[macro_export]
macro_rules! work_items_contract {
    ($make:path) => {
        $crate::users_contract!($make;
            work_items_are_listed_oldest_first,
            work_items_belong_to_their_user,
            an_item_added_twice_is_there_once,
            a_removed_item_is_gone_and_removing_it_again_changes_nothing,
        );
    };
}

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

/// A user may have any of the optional parts.
pub async fn an_added_user_is_found_with_everything(store: &impl Users) {
    let mut added = user("Alice");
    added.email = Some(Email::parse("alice@example.com").unwrap());
    added.roles = vec!["admin".to_owned(), "editor".to_owned()];
    added.status = AccountStatus::Disabled;
    added.credentials_version = 7;
    let started = session(&added, NOW);
    added.sessions.insert(started.id, started.session);

    assert_eq!(store.add_user(&added, &operation()).await.unwrap(), AddUserOutcome::Added);

    let mut found = store.find_user(&name("Alice")).await.unwrap().unwrap();
    found.roles.sort();
    assert_eq!(found.id, added.id);
    assert_eq!(found.username.typed(), "Alice");
    assert_eq!(found.email, added.email);
    assert_eq!(found.roles, added.roles);
    assert_eq!(found.status, added.status);
    assert_eq!(found.created_at, NOW);
    assert_eq!(found.credentials_version, 7);
    assert_eq!(found.sessions, added.sessions);
    assert_eq!(found.password_hash.expose_secret(), added.password_hash.expose_secret());
}

/// Nothing optional is needed.
pub async fn a_user_without_email_or_roles_is_found(store: &impl Users) {
    store.add_user(&user("bob"), &operation()).await.unwrap();
    let found = store.find_user(&name("bob")).await.unwrap().unwrap();
    assert_eq!((found.email, found.roles, found.sessions.len()), (None, Vec::new(), 0));
}

/// Absence is no error.
pub async fn an_unknown_name_finds_nothing(store: &impl Users) {
    assert!(store.find_user(&name("nobody")).await.unwrap().is_none());
    let id = SessionId::generate().unwrap();
    assert!(store.find_session(&name("nobody"), &id).await.unwrap().is_none());
}

/// `Bob` and `bob` are one name.
pub async fn names_are_compared_in_their_folded_form(store: &impl Users) {
    store.add_user(&user("Bob"), &operation()).await.unwrap();
    assert!(store.find_user(&name("bOB")).await.unwrap().is_some());
    let outcome = store.add_user(&user("BOB"), &operation()).await.unwrap();
    assert_eq!(outcome, AddUserOutcome::NameTaken);
}

/// The first owner keeps everything.
pub async fn a_taken_name_is_refused_and_nothing_changes(store: &impl Users) {
    let first = user("carol");
    store.add_user(&first, &operation()).await.unwrap();
    let mut second = user("carol");
    second.password_hash = SecretString::from("another");
    assert_eq!(store.add_user(&second, &operation()).await.unwrap(), AddUserOutcome::NameTaken);
    let found = store.find_user(&name("carol")).await.unwrap().unwrap();
    assert_eq!(found.id, first.id);
    assert_eq!(found.password_hash.expose_secret(), first.password_hash.expose_secret());
}

/// A retry after a lost reply is recognised.
pub async fn the_same_addition_delivered_twice_is_one_addition(store: &impl Users) {
    let (added, operation) = (user("dave"), operation());
    for _ in 0..2 {
        assert_eq!(store.add_user(&added, &operation).await.unwrap(), AddUserOutcome::Added);
    }
}

/// Twenty at once, one winner, and the winner's user is the one that is there.
pub async fn of_parallel_additions_of_one_name_exactly_one_wins(store: &impl Users) {
    let users: Vec<_> = (0..20).map(|_| (user("erin"), operation())).collect();
    let mut winners = Vec::new();
    let attempts = users.iter().map(|(user, operation)| store.add_user(user, operation));
    for (outcome, (user, _)) in join_all(attempts).await.into_iter().zip(&users) {
        if outcome.unwrap() == AddUserOutcome::Added {
            winners.push(user.id.clone());
        }
    }
    let found = store.find_user(&name("erin")).await.unwrap().unwrap();
    assert_eq!(winners, [found.id]);
}

/// A session is what a token is held against.
pub async fn a_started_session_is_found_alive(store: &impl Users) {
    let user = user("frank");
    store.add_user(&user, &operation()).await.unwrap();
    let started = session(&user, NOW);
    let start = SessionStart {
        username: &user.username,
        user: &user.id,
        credentials_version: 0,
        started: &started,
        password_hash: None,
    };
    let outcome = store.start_session(&start).await.unwrap();
    assert!(matches!(outcome, StartSessionOutcome::Started), "{outcome:?}");

    let state = store.find_session(&user.username, &started.id).await.unwrap().unwrap();
    let expected = SessionState {
        user: user.id.clone(),
        status: AccountStatus::Active,
        session_expires_at: Some(started.session.expires_at),
    };
    assert_eq!(state, expected);
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.sessions[&started.id], started.session);
}

/// A session belongs to one name.
pub async fn a_session_of_another_name_is_not_found(store: &impl Users) {
    let (owner, other) = (user("grace"), user("heidi"));
    store.add_user(&owner, &operation()).await.unwrap();
    store.add_user(&other, &operation()).await.unwrap();
    let started = started(store, &owner, NOW).await;
    let state = store.find_session(&other.username, &started).await.unwrap().unwrap();
    assert_eq!((state.user, state.session_expires_at), (other.id, None));
}

/// A retry after a lost reply is recognised.
pub async fn the_same_start_delivered_twice_is_one_start(store: &impl Users) {
    let user = user("ivan");
    store.add_user(&user, &operation()).await.unwrap();
    let new = session(&user, NOW);
    for _ in 0..2 {
        let outcome = store.start_session(&start(&user, &new)).await.unwrap();
        assert!(matches!(outcome, StartSessionOutcome::Started), "{outcome:?}");
    }
    assert_eq!(store.find_user(&user.username).await.unwrap().unwrap().sessions.len(), 1);
}

/// A password that was changed meanwhile refuses the session.
pub async fn a_start_with_outdated_credentials_writes_nothing(store: &impl Users) {
    let user = user("judy");
    store.add_user(&user, &operation()).await.unwrap();
    let new = session(&user, NOW);
    let outdated = SessionStart { credentials_version: 1, ..start(&user, &new) };
    assert_changed(store.start_session(&outdated).await.unwrap(), Some(&user.id));
    let stranger = UserId::generate().unwrap();
    let replaced = SessionStart { user: &stranger, ..start(&user, &new) };
    assert_changed(store.start_session(&replaced).await.unwrap(), Some(&user.id));
    assert!(store.find_user(&user.username).await.unwrap().unwrap().sessions.is_empty());
}

/// No half-made user comes into being.
pub async fn a_start_for_a_deleted_user_writes_nothing(store: &impl Users) {
    let user = user("kate");
    let new = session(&user, NOW);
    assert_changed(store.start_session(&start(&user, &new)).await.unwrap(), None);
    assert!(store.find_user(&user.username).await.unwrap().is_none());
}

/// The limit holds.
pub async fn a_start_removes_the_sessions_that_make_room(store: &impl Users) {
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
    assert!(!found.sessions.contains_key(&ids[0]), "the oldest made room");
}

/// A login that read an older item cannot overfill a newer one.
pub async fn a_start_without_room_writes_nothing(store: &impl Users) {
    let user = user("mia");
    store.add_user(&user, &operation()).await.unwrap();
    let planned_early = session(&user, NOW);
    for _ in 0..SESSION_POLICY.limit {
        let current = store.find_user(&user.username).await.unwrap().unwrap();
        started(store, &current, NOW).await;
    }
    let outcome = store.start_session(&start(&user, &planned_early)).await.unwrap();
    assert_changed(outcome, Some(&user.id));
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.sessions.len(), SESSION_POLICY.limit);
}

/// Two logins that both planned to end the oldest session do not both get in.
pub async fn two_starts_cannot_make_room_by_ending_the_same_session(store: &impl Users) {
    let user = user("nina");
    store.add_user(&user, &operation()).await.unwrap();
    for second in 0..3 {
        let current = store.find_user(&user.username).await.unwrap().unwrap();
        started(store, &current, NOW + Duration::from_secs(second)).await;
    }
    let full = store.find_user(&user.username).await.unwrap().unwrap();
    let (first, second) = (session(&full, NOW), session(&full, NOW));
    assert_eq!(first.ended, second.ended);
    let outcome = store.start_session(&start(&full, &first)).await.unwrap();
    assert!(matches!(outcome, StartSessionOutcome::Started), "{outcome:?}");
    let outcome = store.start_session(&start(&full, &second)).await.unwrap();
    assert_changed(outcome, Some(&user.id));
}

/// The rehash of an outdated hash costs no write of its own.
pub async fn a_start_can_replace_the_password_hash(store: &impl Users) {
    let user = user("olga");
    store.add_user(&user, &operation()).await.unwrap();
    let (new, hash) = (session(&user, NOW), SecretString::from("stronger"));
    let stronger = SessionStart { password_hash: Some(&hash), ..start(&user, &new) };
    store.start_session(&stronger).await.unwrap();
    let found = store.find_user(&user.username).await.unwrap().unwrap();
    assert_eq!(found.password_hash.expose_secret(), "stronger");
    assert_eq!(found.credentials_version, 0, "the password is the same");
}

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

fn start<'a>(
    user: &'a auth_session::User,
    started: &'a auth_session::StartedSession,
) -> SessionStart<'a> {
    SessionStart {
        username: &user.username,
        user: &user.id,
        credentials_version: user.credentials_version,
        started,
        password_hash: None,
    }
}

async fn started(store: &impl Users, user: &auth_session::User, now: Timestamp) -> SessionId {
    let new = session(user, now);
    let outcome = store.start_session(&start(user, &new)).await.unwrap();
    assert!(matches!(outcome, StartSessionOutcome::Started), "{outcome:?}");
    new.id
}

#[track_caller]
fn assert_changed(outcome: StartSessionOutcome, owner: Option<&UserId>) {
    match outcome {
        StartSessionOutcome::Changed(found) => {
            assert_eq!(found.map(|user| user.id).as_ref(), owner);
        }
        StartSessionOutcome::Started => panic!("the session was started"),
    }
}

/// Polls all futures at once and returns their outputs in order.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(|future| Box::pin(future)).collect();
    let mut outputs: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in running.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
