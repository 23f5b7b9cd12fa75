//! What is promised of the changes that users make to their accounts.

use latchkey_session::{
    AccountChange, AccountChangeOutcome, AccountStatus, Client, EndedSessions, PasswordChange,
    RotationPolicy, StartedSession, User,
};
use latchkey_token::{OperationId, RefreshClaims, SessionId, Subject, TokenId};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Users, logged_in, started, stored};
use latchkey_testkit::fixtures::{NOW, ROTATION_POLICY, operation, session, user};

const fn change<'a>(
    user: &'a User,
    session: &'a SessionId,
    operation: &'a OperationId,
) -> AccountChange<'a> {
    AccountChange { user, session: Some(session), operation }
}

/// A new password and session of `user`, asked for by `asking`.
fn password<'a>(
    user: &'a User,
    asking: &'a SessionId,
    started: &'a StartedSession,
    password_hash: &'a SecretString,
) -> PasswordChange<'a> {
    PasswordChange { user, session: Some(asking), started, password_hash }
}

#[track_caller]
fn assert_made(outcome: &AccountChangeOutcome) {
    assert!(matches!(outcome, AccountChangeOutcome::Made), "{outcome:?}");
}

/// Nothing was written, and the outcome shows what is there.
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

/// Both in one write.
pub(crate) async fn all_sessions_end_or_all_but_the_one_that_asks(store: &impl Users) {
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
            assert!(current.sessions.keys().all(|kept| *kept == id));
        }
    }
}

/// A login between the read and the write leaves nothing behind.
pub(crate) async fn a_session_that_was_started_meanwhile_ends_too(store: &impl Users) {
    let (read, id) = logged_in(store, "bert", NOW).await;
    started(store, &read, NOW).await;
    let operation = operation();
    let change = change(&read, &id, &operation);
    assert_made(&store.end_sessions(&change, EndedSessions::Others).await.unwrap());
    assert_eq!(stored(store, &read).await.sessions, read.sessions);
}

/// Whoever keeps a session must know its newest generation.
pub(crate) async fn a_rotation_of_the_kept_session_is_not_undone(store: &impl Users) {
    let (read, id) = logged_in(store, "cleo", NOW).await;
    rotate(store, &read, &id).await;
    let current = stored(store, &read).await;
    let operation = operation();
    let change = change(&read, &id, &operation);
    let kept = store.end_sessions(&change, EndedSessions::Others).await.unwrap();
    assert_changed(kept, Some(&current));
    let after = stored(store, &read).await;
    assert_eq!((after.sessions, after.credentials_version), (current.sessions, 0));
    assert_made(&store.end_sessions(&change, EndedSessions::All).await.unwrap());
}

/// And counts the credentials version, so that a login that read the old one is refused. A
/// rotation of the asking session since it was read makes no difference.
pub(crate) async fn a_changed_password_replaces_all_sessions_in_the_same_write(store: &impl Users) {
    let (before, id) = logged_in(store, "dora", NOW).await;
    started(store, &before, NOW).await;
    let user = stored(store, &before).await;
    rotate(store, &user, &id).await;
    let (new, hash) = (session(&user, NOW), SecretString::from("new"));
    let outcome = store.change_password(&password(&user, &id, &new, &hash)).await.unwrap();
    assert_made(&outcome);
    let after = stored(store, &user).await;
    assert_eq!(after.password_hash.expose_secret(), "new");
    assert_eq!(after.credentials_version, user.credentials_version + 1);
    assert_eq!(after.sessions, [(new.id, new.session)].into());
}

/// Anything else shows what is there, and writes nothing.
pub(crate) async fn a_password_is_changed_only_where_credentials_and_session_are_as_read(
    store: &impl Users,
) {
    let (read, id) = logged_in(store, "emil", NOW).await;
    let (new, hash) = (session(&read, NOW), SecretString::from("new"));
    let mut outdated = read.clone();
    outdated.credentials_version += 1;
    let mut stranger = read.clone();
    stranger.id = user("x").id;
    let ended = SessionId::generate().unwrap();
    for (user, asking) in [(&outdated, &id), (&stranger, &id), (&read, &ended)] {
        let change = password(user, asking, &new, &hash);
        assert_changed(store.change_password(&change).await.unwrap(), Some(&read));
    }
    let after = stored(store, &read).await;
    assert_eq!(after.password_hash.expose_secret(), read.password_hash.expose_secret());

    let mut disabled = user("erna");
    disabled.status = AccountStatus::Disabled;
    disabled.sessions = [(id.clone(), new.session.clone())].into();
    store.add_user(&disabled, &operation()).await.unwrap();
    let change = password(&disabled, &id, &new, &hash);
    assert_changed(store.change_password(&change).await.unwrap(), Some(&disabled));

    let gone = user("nobody");
    let change = password(&gone, &id, &new, &hash);
    assert_changed(store.change_password(&change).await.unwrap(), None);
    assert!(store.find_user(&gone.username).await.unwrap().is_none(), "no item was made");
}

/// A retry after a lost reply is recognised.
pub(crate) async fn the_same_change_delivered_twice_is_one_change(store: &impl Users) {
    let (user, id) = logged_in(store, "fred", NOW).await;
    let (new, hash) = (session(&user, NOW), SecretString::from("new"));
    for _ in 0..2 {
        let change = password(&user, &id, &new, &hash);
        assert_made(&store.change_password(&change).await.unwrap());
    }
    assert_eq!(stored(store, &user).await.credentials_version, 1);
}

/// A legacy token has no session: the account as read is the condition.
pub(crate) async fn without_a_session_that_asks_only_the_account_is_compared(store: &impl Users) {
    let (read, _) = logged_in(store, "flora", NOW).await;
    let by_token = operation();
    let ask = AccountChange { user: &read, session: None, operation: &by_token };
    for ended in [EndedSessions::Others, EndedSessions::All] {
        let current = stored(store, &read).await;
        started(store, &current, NOW).await;
        let by_token = operation();
        let ask = AccountChange { operation: &by_token, ..ask };
        assert_made(&store.end_sessions(&ask, ended).await.unwrap());
        assert!(stored(store, &read).await.sessions.is_empty(), "{ended:?}");
    }
    let (new, hash) = (session(&read, NOW), SecretString::from("new"));
    let change = PasswordChange { user: &read, session: None, started: &new, password_hash: &hash };
    assert_made(&store.change_password(&change).await.unwrap());
    let current = stored(store, &read).await;
    assert_eq!((current.sessions.len(), current.credentials_version), (1, 1));
    assert_changed(store.remove_user(&ask).await.unwrap(), Some(&current));
    let ask = AccountChange { user: &current, ..ask };
    assert_made(&store.remove_user(&ask).await.unwrap());
    assert!(store.find_user(&read.username).await.unwrap().is_none());
}

/// A retry after a lost reply is no error, and somebody else may take the name.
pub(crate) async fn a_removed_user_is_gone_with_all_sessions_and_the_name_is_free(
    store: &impl Users,
) {
    let (removed, id) = logged_in(store, "gina", NOW).await;
    let operation = operation();
    for _ in 0..2 {
        assert_made(&store.remove_user(&change(&removed, &id, &operation)).await.unwrap());
        assert!(store.find_user(&removed.username).await.unwrap().is_none());
    }
    let (heir, _) = logged_in(store, "Gina", NOW).await;
    let state = store.find_session(&removed.username, Some(&id)).await.unwrap().unwrap();
    assert_eq!((state.user, state.session_expires_at), (heir.id, None));
}

/// Neither with other credentials than those that were proved, nor by an ended session.
pub(crate) async fn a_user_who_is_not_as_read_is_not_removed(store: &impl Users) {
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

/// The name was given to another person meanwhile.
pub(crate) async fn another_user_of_the_same_name_is_left_alone(store: &impl Users) {
    let (heir, id) = logged_in(store, "ines", NOW).await;
    let mut removed = heir.clone();
    removed.id = user("x").id;
    let operation = operation();
    let change = change(&removed, &id, &operation);
    let ended = store.end_sessions(&change, EndedSessions::All).await.unwrap();
    assert_changed(ended, Some(&heir));
    assert_made(&store.remove_user(&change).await.unwrap());
    let found = stored(store, &heir).await;
    assert_eq!((found.id, found.sessions), (heir.id, heir.sessions));
}
