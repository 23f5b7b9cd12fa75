//! Contract: changes of an account by its user.

use latchkey_session::{
    AccountChange, AccountChangeOutcome, AccountStatus, Client, EndedSessions, PasswordChange,
    RotationPolicy, StartedSession, User,
};
use latchkey_token::{OperationId, RefreshClaims, SessionId, Subject, TokenId};
use secrecy::SecretString;

use super::{Users, hash_of, logged_in, started, stored};
use latchkey_testkit::fixtures::{NOW, ROTATION_POLICY, operation, session, user};

const fn change<'a>(
    user: &'a User,
    session: &'a SessionId,
    operation: &'a OperationId,
) -> AccountChange<'a> {
    AccountChange { user, session: Some(session), operation }
}

/// A password change of `user`, requested by `session`.
fn password<'a>(
    user: &'a User,
    session: &'a SessionId,
    started: &'a StartedSession,
    password_hash: &'a SecretString,
) -> PasswordChange<'a> {
    PasswordChange { user, session: Some(session), started, password_hash }
}

#[track_caller]
fn assert_made(outcome: &AccountChangeOutcome) {
    assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");
}

/// Nothing was written, and the outcome has the stored user.
#[track_caller]
fn assert_changed(outcome: AccountChangeOutcome, current: Option<&User>) {
    match outcome {
        AccountChangeOutcome::Changed(found) => {
            let sessions = |user: &User| user.sessions.clone();
            assert_eq!(found.as_deref().map(sessions), current.map(sessions));
        }
        AccountChangeOutcome::Made => panic!("the change was made"),
    }
}

async fn rotate(store: &impl Users, user: &User, session: &SessionId) {
    let token = RefreshClaims {
        subject: Subject::User { id: user.id.clone(), username: user.username.typed().to_owned() },
        session: Some(session.clone()),
        generation: user.sessions[session].generation,
        token: Some(TokenId::generate().unwrap()),
        auth_time: NOW,
        expires_at: NOW,
        csrf: None,
    };
    let policy: RotationPolicy = ROTATION_POLICY;
    let rotation = policy.rotate(&token, Client::default(), operation(), NOW).unwrap();
    store.rotate_session(&user.username, &rotation).await.unwrap();
}

pub(crate) async fn all_sessions_end_or_all_but_the_current_one(store: &impl Users) {
    for (name, ended, left) in [("alma", EndedSessions::All, 0), ("anna", EndedSessions::Others, 1)]
    {
        let (before, id) = logged_in(store, name, NOW).await;
        started(store, &before, NOW).await;
        let user = stored(store, &before).await;
        let operation = operation();
        for _ in 0..2 {
            let change = change(&user, &id, &operation);
            assert_made(&store.end_sessions(&change, ended).await.unwrap());
            let current = stored(store, &user).await;
            assert_eq!(current.sessions.len(), left, "{ended:?}");
            assert!(current.sessions.keys().all(|left| *left == id));
        }
    }
}

pub(crate) async fn a_session_started_after_the_read_ends_too(store: &impl Users) {
    let (read, id) = logged_in(store, "bert", NOW).await;
    started(store, &read, NOW).await;
    let operation = operation();
    let change = change(&read, &id, &operation);
    assert_made(&store.end_sessions(&change, EndedSessions::Others).await.unwrap());
    assert_eq!(stored(store, &read).await.sessions, read.sessions);
}

/// The kept session must still be as it was read.
pub(crate) async fn a_rotation_of_the_kept_session_is_not_undone(store: &impl Users) {
    let (read, id) = logged_in(store, "cleo", NOW).await;
    rotate(store, &read, &id).await;
    let current = stored(store, &read).await;
    let operation = operation();
    let change = change(&read, &id, &operation);
    let outcome = store.end_sessions(&change, EndedSessions::Others).await.unwrap();
    assert_changed(outcome, Some(&current));
    let after = stored(store, &read).await;
    assert_eq!((after.sessions, after.credentials_version), (current.sessions, 0));
    assert_made(&store.end_sessions(&change, EndedSessions::All).await.unwrap());
}

/// It also increments the credentials version, so that a concurrent login is refused. A rotation of
/// the requesting session since the read does not matter.
pub(crate) async fn a_changed_password_replaces_all_sessions_in_the_same_write(store: &impl Users) {
    let (before, id) = logged_in(store, "dora", NOW).await;
    started(store, &before, NOW).await;
    let user = stored(store, &before).await;
    rotate(store, &user, &id).await;
    let (new, hash) = (session(&user, NOW), SecretString::from("new"));
    let outcome = store.change_password(&password(&user, &id, &new, &hash)).await.unwrap();
    assert_made(&outcome);
    let after = stored(store, &user).await;
    assert_eq!(hash_of(&after), "new");
    assert_eq!(after.credentials_version, user.credentials_version + 1);
    assert_eq!(after.sessions, [(new.id, new.session)].into());
}

pub(crate) async fn a_password_change_requires_the_credentials_and_session_as_read(
    store: &impl Users,
) {
    let (read, id) = logged_in(store, "emil", NOW).await;
    let (new, hash) = (session(&read, NOW), SecretString::from("new"));
    let mut outdated = read.clone();
    outdated.credentials_version += 1;
    let mut stranger = read.clone();
    stranger.id = user("x").id;
    let ended = SessionId::generate().unwrap();
    for (user, session) in [(&outdated, &id), (&stranger, &id), (&read, &ended)] {
        let change = password(user, session, &new, &hash);
        assert_changed(store.change_password(&change).await.unwrap(), Some(&read));
    }
    let after = stored(store, &read).await;
    assert_eq!(hash_of(&after), hash_of(&read));

    let mut disabled = user("erna");
    disabled.status = AccountStatus::Disabled;
    disabled.sessions = [(id.clone(), new.session.clone())].into();
    store.add_user(&disabled, &operation()).await.unwrap();
    let change = password(&disabled, &id, &new, &hash);
    assert_changed(store.change_password(&change).await.unwrap(), Some(&disabled));

    let gone = user("unknown");
    let change = password(&gone, &id, &new, &hash);
    assert_changed(store.change_password(&change).await.unwrap(), None);
    assert!(store.find_user(&gone.username).await.unwrap().is_none(), "no item was created");
}

/// The SDK repeats a write after a lost reply.
pub(crate) async fn the_same_change_delivered_twice_is_one_change(store: &impl Users) {
    let (user, id) = logged_in(store, "fred", NOW).await;
    let (new, hash) = (session(&user, NOW), SecretString::from("new"));
    for _ in 0..2 {
        let change = password(&user, &id, &new, &hash);
        assert_made(&store.change_password(&change).await.unwrap());
    }
    assert_eq!(stored(store, &user).await.credentials_version, 1);
}

/// A legacy token has no session. The condition is the account as read.
pub(crate) async fn a_change_without_a_session_compares_only_the_account(store: &impl Users) {
    let (read, _) = logged_in(store, "flora", NOW).await;
    let first = operation();
    let change = AccountChange { user: &read, session: None, operation: &first };
    for ended in [EndedSessions::Others, EndedSessions::All] {
        let current = stored(store, &read).await;
        started(store, &current, NOW).await;
        let next = operation();
        let change = AccountChange { operation: &next, ..change };
        assert_made(&store.end_sessions(&change, ended).await.unwrap());
        assert!(stored(store, &read).await.sessions.is_empty(), "{ended:?}");
    }
    let (new, hash) = (session(&read, NOW), SecretString::from("new"));
    let password =
        PasswordChange { user: &read, session: None, started: &new, password_hash: &hash };
    assert_made(&store.change_password(&password).await.unwrap());
    let current = stored(store, &read).await;
    assert_eq!((current.sessions.len(), current.credentials_version), (1, 1));
    assert_changed(store.remove_user(&change).await.unwrap(), Some(&current));
    let change = AccountChange { user: &current, ..change };
    assert_made(&store.remove_user(&change).await.unwrap());
    assert!(store.find_user(&read.username).await.unwrap().is_none());
}

/// A repeated removal succeeds too, and the name can be used again.
pub(crate) async fn removing_a_user_removes_all_sessions_and_frees_the_name(store: &impl Users) {
    let (removed, id) = logged_in(store, "gina", NOW).await;
    let operation = operation();
    for _ in 0..2 {
        assert_made(&store.remove_user(&change(&removed, &id, &operation)).await.unwrap());
        assert!(store.find_user(&removed.username).await.unwrap().is_none());
    }
    let (recreated, _) = logged_in(store, "Gina", NOW).await;
    let state = store.find_session(&removed.username, Some(&id)).await.unwrap().unwrap();
    assert_eq!((state.user, state.session_expires_at), (recreated.id, None));
}

/// Neither after a password change, nor by an ended session.
pub(crate) async fn a_user_is_removed_only_as_read(store: &impl Users) {
    let (read, id) = logged_in(store, "hugo", NOW).await;
    let operation = operation();
    let mut outdated = read.clone();
    outdated.credentials_version += 1;
    let ended = SessionId::generate().unwrap();
    for change in [change(&outdated, &id, &operation), change(&read, &ended, &operation)] {
        assert_changed(store.remove_user(&change).await.unwrap(), Some(&read));
    }
    assert_eq!(stored(store, &read).await.id, read.id);
}

pub(crate) async fn a_recreated_user_of_the_same_name_is_not_changed(store: &impl Users) {
    let (recreated, id) = logged_in(store, "ines", NOW).await;
    let mut removed = recreated.clone();
    removed.id = user("x").id;
    let operation = operation();
    let change = change(&removed, &id, &operation);
    let ended = store.end_sessions(&change, EndedSessions::All).await.unwrap();
    assert_changed(ended, Some(&recreated));
    assert_made(&store.remove_user(&change).await.unwrap());
    let found = stored(store, &recreated).await;
    assert_eq!((found.id, found.sessions), (recreated.id, recreated.sessions));
}
