//! What else happens to an account between the read and the write of a request.
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

/// What happens before each write of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    /// The calling session is refreshed.
    Refresh,
    /// The calling session is logged out.
    Logout,
    /// The password is changed by another session.
    PasswordChange,
    /// The account is deleted.
    Deletion,
}

/// A store in which that happens between the read and every write.
struct Meanwhile {
    users: MemoryUsers,
    happening: Happening,
    caller: RefreshClaims,
}

impl Meanwhile {
    fn new(scene: &Scene, happening: Happening) -> StaleReads<Self> {
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
        StaleReads { read: users.clone(), write: Self { users, happening, caller } }
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

impl BeforeWrite for Meanwhile {
    async fn users(&self) -> Result<MemoryUsers, StoreError> {
        let username = Username::parse("alice").unwrap();
        let Some(user) = self.users.find_user(&username).await? else {
            return Ok(self.users.clone());
        };
        let operation = &operation();
        let by_other = user.sessions.keys().find(|id| *id != self.session()).cloned();
        match (self.happening, by_other) {
            (Happening::Refresh, _) => {
                self.users.rotate_session(&username, &self.rotation(&user)).await?;
            }
            (Happening::Logout, _) => {
                let session = self.session();
                let end = SessionEnd { username: &username, user: &user.id, session };
                self.users.end_session(&end).await?;
            }
            (Happening::PasswordChange, Some(session)) => {
                let password_hash = &SecretString::from("hash");
                let started = &latchkey_testkit::fixtures::session(&user, NOW);
                let session = Some(&session);
                let change = PasswordChange { user: &user, session, started, password_hash };
                self.users.change_password(&change).await?;
            }
            (Happening::Deletion, Some(session)) => {
                let change = AccountChange { user: &user, session: Some(&session), operation };
                self.users.remove_user(&change).await?;
            }
            (Happening::PasswordChange | Happening::Deletion, None) => {}
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
async fn what_met_another_change_is_refused_and_changes_nothing() {
    let revoked = (401, "token_revoked".to_owned());
    let proof_outdated = (401, "invalid_credentials".to_owned());
    for (happening, event, expected) in [
        (Happening::Logout, end_sessions(""), &revoked),
        (Happening::Logout, end_sessions("keep=current"), &revoked),
        (Happening::Logout, delete_me(), &revoked),
        (Happening::PasswordChange, end_sessions(""), &revoked),
        (Happening::PasswordChange, delete_me(), &proof_outdated),
        (Happening::Deletion, end_sessions("keep=current"), &revoked),
    ] {
        let scene = scene(|_| ()).await;
        let meanwhile = Meanwhile::new(&scene, happening);
        let answer = call(meanwhile, &with_token(event.clone(), &scene.token)).await;
        assert_eq!(refusal(&answer), *expected, "{happening:?} {event}");
        let expected_version = match happening {
            Happening::PasswordChange => Some(1),
            Happening::Logout => Some(0),
            Happening::Deletion | Happening::Refresh => None,
        };
        let version = scene.stored().await.map(|user| user.credentials_version);
        assert_eq!(version, expected_version, "{happening:?} {event}");
    }
}

#[tokio::test]
async fn a_deletion_that_met_another_deletion_has_what_it_wanted() {
    let scene = scene(|_| ()).await;
    let meanwhile = Meanwhile::new(&scene, Happening::Deletion);
    assert_empty(&call(meanwhile, &with_token(delete_me(), &scene.token)).await);
}

#[tokio::test]
async fn sessions_end_also_while_the_caller_is_being_refreshed() {
    for event in [end_sessions(""), delete_me()] {
        let scene = scene(|_| ()).await;
        let meanwhile = Meanwhile::new(&scene, Happening::Refresh);
        assert_empty(&call(meanwhile, &with_token(event, &scene.token)).await);
        assert!(scene.stored().await.is_none_or(|user| user.sessions.is_empty()));
    }
}

#[tokio::test]
async fn a_change_that_keeps_a_session_gives_up_when_that_is_refreshed_every_time() {
    {
        let event = end_sessions("keep=current");
        let scene = scene(|_| ()).await;
        let meanwhile = Meanwhile::new(&scene, Happening::Refresh);
        let answer = call(meanwhile, &with_token(event, &scene.token)).await;
        assert_eq!(refusal(&answer), (503, "unavailable".to_owned()));
        assert_eq!(scene.left().await.len(), 3, "and nothing has changed");
        assert_eq!(scene.call(request("GET", "/me")).await.status_code, 200);
    }
}
