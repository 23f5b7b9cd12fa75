//! Contract: adding and finding users.

use latchkey_session::{AccountStatus, AddUserOutcome, Email};
use latchkey_token::SessionId;
use secrecy::SecretString;

use super::{Users, hash_of, join_all, name};
use latchkey_testkit::fixtures::{NOW, operation, session, user};

pub(crate) async fn an_added_user_is_found_with_all_attributes(store: &impl Users) {
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
    assert_eq!(hash_of(&found), hash_of(&added));
}

pub(crate) async fn a_user_without_email_or_roles_is_found(store: &impl Users) {
    store.add_user(&user("bob"), &operation()).await.unwrap();
    let found = store.find_user(&name("bob")).await.unwrap().unwrap();
    assert_eq!((found.email, found.roles, found.sessions.len()), (None, Vec::new(), 0));
}

pub(crate) async fn an_unknown_name_finds_nothing(store: &impl Users) {
    assert!(store.find_user(&name("unknown")).await.unwrap().is_none());
    let id = SessionId::generate().unwrap();
    assert!(store.find_session(&name("unknown"), Some(&id)).await.unwrap().is_none());
}

/// `Bob` and `bob` are one name.
pub(crate) async fn names_are_compared_in_their_folded_form(store: &impl Users) {
    store.add_user(&user("Bob"), &operation()).await.unwrap();
    assert!(store.find_user(&name("bOB")).await.unwrap().is_some());
    let outcome = store.add_user(&user("BOB"), &operation()).await.unwrap();
    assert_eq!(outcome, AddUserOutcome::NameTaken);
}

pub(crate) async fn a_taken_name_is_refused_and_nothing_changes(store: &impl Users) {
    let first = user("carol");
    store.add_user(&first, &operation()).await.unwrap();
    let mut second = user("carol");
    second.password_hash = Some(SecretString::from("another"));
    assert_eq!(store.add_user(&second, &operation()).await.unwrap(), AddUserOutcome::NameTaken);
    let found = store.find_user(&name("carol")).await.unwrap().unwrap();
    assert_eq!(found.id, first.id);
    assert_eq!(hash_of(&found), hash_of(&first));
}

/// The SDK repeats a write after a lost reply.
pub(crate) async fn the_same_addition_delivered_twice_is_one_addition(store: &impl Users) {
    let (added, operation) = (user("dave"), operation());
    for _ in 0..2 {
        assert_eq!(store.add_user(&added, &operation).await.unwrap(), AddUserOutcome::Added);
    }
}

/// The stored user is the winner's.
pub(crate) async fn exactly_one_of_parallel_additions_of_a_name_wins(store: &impl Users) {
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
