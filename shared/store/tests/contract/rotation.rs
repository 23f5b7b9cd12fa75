//! Contract: rotating and ending sessions.

use std::time::Duration;

use latchkey_session::{AccountStatus, Client, RotateSessionOutcome, Rotation, SessionEnd, User};
use latchkey_token::{SessionId, Timestamp};

use super::{Users, join_all, logged_in, started, stored};
use latchkey_testkit::fixtures::{NOW, operation, session, user};

const LATER: Timestamp = Timestamp::from_unix(NOW.unix() + 100);

/// The rotation by a token of this generation, 100 s after [`NOW`].
fn rotation(user: &User, session: &SessionId, generation: u64) -> Rotation {
    Rotation {
        user: user.id.clone(),
        session: session.clone(),
        generation,
        rotated_at: LATER,
        expires_at: LATER + Duration::from_hours(1),
        client: Client::new("198.51.100.7", "refresh"),
        operation: operation(),
    }
}

#[track_caller]
fn rotated(outcome: RotateSessionOutcome) -> User {
    match outcome {
        RotateSessionOutcome::Rotated(user) => *user,
        RotateSessionOutcome::Refused(found) => panic!("refused: {found:?}"),
    }
}

#[track_caller]
fn refused(outcome: RotateSessionOutcome) -> Option<User> {
    match outcome {
        RotateSessionOutcome::Refused(found) => found.map(|user| *user),
        RotateSessionOutcome::Rotated(user) => panic!("rotated: {user:?}"),
    }
}

pub(crate) async fn the_newest_token_rotates_only_its_session(store: &impl Users) {
    let (before, id) = logged_in(store, "paul", NOW).await;
    let other = started(store, &before, NOW).await;
    let rotation = rotation(&before, &id, 0);

    let after = rotated(store.rotate_session(&before.username, &rotation).await.unwrap());

    assert_eq!(after.sessions, stored(store, &before).await.sessions);
    let (old, new) = (&before.sessions[&id], &after.sessions[&id]);
    assert_eq!((new.generation, new.rotated_at), (1, LATER));
    assert_eq!((new.expires_at, &new.operation), (rotation.expires_at, &rotation.operation));
    assert_eq!((new.created_at, new.auth_time), (old.created_at, old.auth_time));
    assert_eq!(new.client, rotation.client, "the client of the refresh");
    assert_eq!(after.sessions[&other].generation, 0);
    assert_eq!(after.credentials_version, before.credentials_version);
}

pub(crate) async fn any_other_token_rotates_nothing_and_returns_the_stored_user(
    store: &impl Users,
) {
    let (before, id) = logged_in(store, "quinn", NOW).await;
    store.rotate_session(&before.username, &rotation(&before, &id, 0)).await.unwrap();
    let current = stored(store, &before).await;
    for generation in [0, 2, 7, u64::MAX] {
        let rotation = rotation(&before, &id, generation);
        let found = refused(store.rotate_session(&before.username, &rotation).await.unwrap());
        assert_eq!(found.unwrap().sessions, current.sessions, "generation {generation}");
        assert_eq!(stored(store, &before).await.sessions, current.sessions);
    }
}

/// Not an expired or ended one, nor one of a disabled, deleted or recreated account.
pub(crate) async fn only_a_live_session_is_rotated(store: &impl Users) {
    let added_with = async |name: &str, change: fn(&mut User)| {
        let mut added = user(name);
        let started = session(&added, NOW);
        let id = started.id.clone();
        added.sessions.insert(started.id, started.session);
        change(&mut added);
        store.add_user(&added, &operation()).await.unwrap();
        (added, id)
    };
    let expired = |user: &mut User| {
        user.sessions.values_mut().for_each(|session| session.expires_at = LATER);
    };
    for (user, id) in [
        added_with("rosa", expired).await,
        added_with("ruth", |user| user.sessions.clear()).await,
        added_with("rick", |user| user.status = AccountStatus::Disabled).await,
    ] {
        let outcome = store.rotate_session(&user.username, &rotation(&user, &id, 0)).await.unwrap();
        assert_eq!(refused(outcome).unwrap().sessions, user.sessions);
        assert_eq!(stored(store, &user).await.sessions, user.sessions);
    }
    let (owner, id) = logged_in(store, "remy", NOW).await;
    let stranger = Rotation { user: user("x").id, ..rotation(&owner, &id, 0) };
    let found = refused(store.rotate_session(&owner.username, &stranger).await.unwrap());
    assert_eq!(found.unwrap().sessions, owner.sessions);
    let unknown = user("unknown");
    let outcome =
        store.rotate_session(&unknown.username, &rotation(&unknown, &id, 0)).await.unwrap();
    assert!(refused(outcome).is_none());
    assert!(store.find_user(&unknown.username).await.unwrap().is_none(), "no user was created");
}

/// The SDK repeats a write after a lost reply.
pub(crate) async fn the_same_rotation_delivered_twice_is_one_rotation(store: &impl Users) {
    let (user, id) = logged_in(store, "sara", NOW).await;
    let rotation = rotation(&user, &id, 0);
    for _ in 0..3 {
        let after = rotated(store.rotate_session(&user.username, &rotation).await.unwrap());
        assert_eq!(after.sessions[&id].generation, 1);
    }
    assert_eq!(stored(store, &user).await.sessions[&id].generation, 1);
}

/// All refusals have the state that the winner wrote.
pub(crate) async fn exactly_one_of_parallel_rotations_of_a_token_wins(store: &impl Users) {
    let (user, id) = logged_in(store, "tina", NOW).await;
    let rotations: Vec<_> = (0..20).map(|_| rotation(&user, &id, 0)).collect();
    let attempts = rotations.iter().map(|one| store.rotate_session(&user.username, one));
    let mut winners = Vec::new();
    for outcome in join_all(attempts).await {
        match outcome.unwrap() {
            RotateSessionOutcome::Rotated(user) => winners.push(*user),
            RotateSessionOutcome::Refused(found) => {
                assert_eq!(found.unwrap().sessions[&id].generation, 1);
            }
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(winners[0].sessions, stored(store, &user).await.sessions);
}

pub(crate) async fn an_ended_session_is_gone_and_the_others_stay(store: &impl Users) {
    let (user, id) = logged_in(store, "uma", NOW).await;
    let other = started(store, &user, NOW).await;
    for _ in 0..2 {
        let end = SessionEnd { username: &user.username, user: &user.id, session: &id };
        store.end_session(&end).await.unwrap();
        let left: Vec<_> = stored(store, &user).await.sessions.into_keys().collect();
        assert_eq!(left, std::slice::from_ref(&other));
    }
    let state = store.find_session(&user.username, Some(&id)).await.unwrap().unwrap();
    assert_eq!(state.session_expires_at, None);
    let outcome = store.rotate_session(&user.username, &rotation(&user, &id, 0)).await.unwrap();
    assert!(refused(outcome).is_some());
}

/// Neither another user's session, nor a session of a missing user.
pub(crate) async fn ending_an_unknown_session_changes_nothing(store: &impl Users) {
    let (owner, id) = logged_in(store, "vera", NOW).await;
    let (other, _) = logged_in(store, "walt", NOW).await;
    let unknown = user("unknown");
    for (username, user) in [
        (&other.username, &other.id),
        (&owner.username, &other.id),
        (&unknown.username, &unknown.id),
    ] {
        store.end_session(&SessionEnd { username, user, session: &id }).await.unwrap();
    }
    assert_eq!(stored(store, &owner).await.sessions, owner.sessions);
    assert_eq!(stored(store, &other).await.sessions, other.sessions);
    assert!(store.find_user(&unknown.username).await.unwrap().is_none(), "no user was created");
}
