//! Changes of an account between the read and the write of a request.
#![cfg(test)]

mod scene;

use latchkey_session::{
    AccountChange, Client, PasswordChange, ReadUser as _, RemoveUser as _, Rotation,
    RotationPolicy, SessionEnd, StoreError, UpdateUser as _, User, Username,
};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_token},
    fixtures::{NOW, ROTATION_POLICY, operation},
    stale_reads::{BeforeWrite, StaleReads},
};
use latchkey_token::{RefreshClaims, SessionId, Subject, TokenId};
use scene::{PASSWORD, Scene, assert_empty, call, refusal, scene, with_body};
use secrecy::SecretString;
use serde_json::{Value, json};

/// A concurrent change before each write of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConcurrentChange {
    /// The calling session rotates.
    Refresh,
    /// The calling session is logged out.
    Logout,
    /// The password is changed by another session.
    PasswordChange,
    /// The account is deleted.
    Deletion,
}

/// A store that makes the concurrent change between the read and every write.
struct ChangingStore {
    users: MemoryUsers,
    concurrent: ConcurrentChange,
    caller: RefreshClaims,
}

impl ChangingStore {
    fn new(scene: &Scene, concurrent: ConcurrentChange) -> StaleReads<Self> {
        let caller = RefreshClaims {
            subject: Subject::User { id: scene.alice.id.clone(), username: "alice".to_owned() },
            session: Some(scene.sessions[0].clone()),
            generation: 0,
            token: Some(TokenId::generate().unwrap()),
            auth_time: NOW,
            expires_at: NOW,
            csrf: None,
        };
        let users = scene.users.clone();
        StaleReads { read: users.clone(), write: Self { users, concurrent, caller } }
    }

    fn session(&self) -> &SessionId {
        self.caller.session.as_ref().unwrap()
    }

    fn rotation(&self, user: &User) -> Rotation {
        let generation = user.sessions[self.session()].generation;
        let token = RefreshClaims { generation, ..self.caller.clone() };
        let policy: RotationPolicy = ROTATION_POLICY;
        policy.rotate(&token, Client::default(), operation(), NOW).unwrap()
    }
}

impl BeforeWrite for ChangingStore {
    async fn users(&self) -> Result<MemoryUsers, StoreError> {
        let username = Username::parse("alice").unwrap();
        let Some(user) = self.users.find_user(&username).await? else {
            return Ok(self.users.clone());
        };
        let operation = &operation();
        let other_session = user.sessions.keys().find(|id| *id != self.session()).cloned();
        match (self.concurrent, other_session) {
            (ConcurrentChange::Refresh, _) => {
                self.users.rotate_session(&username, &self.rotation(&user)).await?;
            }
            (ConcurrentChange::Logout, _) => {
                let session = self.session();
                let end = SessionEnd { username: &username, user: &user.id, session };
                self.users.end_session(&end).await?;
            }
            (ConcurrentChange::PasswordChange, Some(session)) => {
                let password_hash = &SecretString::from("hash");
                let started = &latchkey_testkit::fixtures::session(&user, NOW);
                let session = Some(&session);
                let change = PasswordChange { user: &user, session, started, password_hash };
                self.users.change_password(&change).await?;
            }
            (ConcurrentChange::Deletion, Some(session)) => {
                let change = AccountChange { user: &user, session: Some(&session), operation };
                self.users.remove_user(&change).await?;
            }
            (ConcurrentChange::PasswordChange | ConcurrentChange::Deletion, None) => {}
        }
        Ok(self.users.clone())
    }
}

fn delete_me() -> Value {
    with_body("DELETE", "/me", &json!({ "password": PASSWORD }))
}

fn end_sessions(query: &str) -> Value {
    let mut event = request("DELETE", "/sessions");
    event["rawQueryString"] = query.into();
    event
}

#[tokio::test]
async fn a_request_that_loses_to_a_concurrent_change_has_no_effect() {
    let revoked = (401, "token_revoked".to_owned());
    let wrong_password = (401, "invalid_credentials".to_owned());
    for (concurrent, event, expected) in [
        (ConcurrentChange::Logout, end_sessions(""), &revoked),
        (ConcurrentChange::Logout, end_sessions("keep=current"), &revoked),
        (ConcurrentChange::Logout, delete_me(), &revoked),
        (ConcurrentChange::PasswordChange, end_sessions(""), &revoked),
        (ConcurrentChange::PasswordChange, delete_me(), &wrong_password),
        (ConcurrentChange::Deletion, end_sessions("keep=current"), &revoked),
    ] {
        let scene = scene(|_| ()).await;
        let store = ChangingStore::new(&scene, concurrent);
        let answer = call(store, &with_token(event.clone(), &scene.token)).await;
        assert_eq!(refusal(&answer), *expected, "{concurrent:?} {event}");
        let expected_version = match concurrent {
            ConcurrentChange::PasswordChange => Some(1),
            ConcurrentChange::Logout => Some(0),
            ConcurrentChange::Deletion | ConcurrentChange::Refresh => None,
        };
        let version = scene.stored().await.map(|user| user.credentials_version);
        assert_eq!(version, expected_version, "{concurrent:?} {event}");
    }
}

#[tokio::test]
async fn concurrent_deletions_both_succeed() {
    let scene = scene(|_| ()).await;
    let store = ChangingStore::new(&scene, ConcurrentChange::Deletion);
    assert_empty(&call(store, &with_token(delete_me(), &scene.token)).await);
}

#[tokio::test]
async fn sessions_end_although_the_current_one_rotates_concurrently() {
    for event in [end_sessions(""), delete_me()] {
        let scene = scene(|_| ()).await;
        let store = ChangingStore::new(&scene, ConcurrentChange::Refresh);
        assert_empty(&call(store, &with_token(event, &scene.token)).await);
        assert!(scene.stored().await.is_none_or(|user| user.sessions.is_empty()));
    }
}

#[tokio::test]
async fn keeping_the_current_session_fails_if_every_attempt_meets_a_rotation() {
    {
        let event = end_sessions("keep=current");
        let scene = scene(|_| ()).await;
        let store = ChangingStore::new(&scene, ConcurrentChange::Refresh);
        let answer = call(store, &with_token(event, &scene.token)).await;
        assert_eq!(refusal(&answer), (503, "unavailable".to_owned()));
        assert_eq!(scene.left().await.len(), 3, "nothing has changed");
        assert_eq!(scene.call(request("GET", "/me")).await.status_code, 200);
    }
}
