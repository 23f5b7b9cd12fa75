//! A user with two sessions, and the function over an in-memory store.

use std::time::Duration;

use lambda_http::Request;
use latchkey_guard::TokenReader;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_keys::KeyCache;
use latchkey_session::{AddUser as _, ReadUser, RotationPolicy, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_token},
    fixtures::{
        NOW, ROTATION_POLICY, SESSION_POLICY, issuer, key_set, operation, reader, session, user,
        verifier,
    },
};
use latchkey_token::{AccessClaims, Grant, PresentedToken, RefreshClaims, SessionId, Timestamp};
use refresh::Refresh;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// A user with two sessions, and the refresh token of the first.
pub(crate) struct Scene {
    pub(crate) users: MemoryUsers,
    pub(crate) alice: User,
    pub(crate) session: SessionId,
    pub(crate) token: String,
}

pub(crate) async fn scene(change: impl FnOnce(&mut User)) -> Scene {
    let users = MemoryUsers::default();
    let mut alice = user("Alice");
    let (first, second) = (session(&alice, NOW), session(&alice, NOW));
    let grant = Grant {
        user: &alice.id,
        username: "Alice",
        session: &first.id,
        session_expires_at: first.session.expires_at,
        roles: &[],
        auth_time: NOW,
        claims: None,
        for_cookies: false,
    };
    let token = issuer().refresh_token(&grant, &first.session.newest()).unwrap();
    let token = token.text.expose_secret().to_owned();
    let session = first.id.clone();
    for started in [first, second] {
        alice.sessions.insert(started.id, started.session);
    }
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    Scene { users, alice, session, token }
}

pub(crate) async fn call<U: ReadUser + UpdateUser>(
    users: U,
    policy: RotationPolicy,
    event: &Value,
    now: Timestamp,
) -> GatewayAnswer {
    call_with(KeyCache::of_static(key_set()), users, policy, event, now).await
}

pub(crate) async fn call_with<U: ReadUser + UpdateUser>(
    keys: KeyCache,
    users: U,
    policy: RotationPolicy,
    event: &Value,
    now: Timestamp,
) -> GatewayAnswer {
    let reader = TokenReader { keys, ..reader() };
    let refresh = Refresh { users, reader, policy, sessions: SESSION_POLICY };
    let handle = async |request: &Request| refresh.handle(request, now).await;
    answer(&event.to_string(), &handle).await
}

pub(crate) fn with_bearer(token: &str) -> Value {
    with_token(request("POST", "/refresh"), token)
}

impl Scene {
    pub(crate) async fn refresh(&self, token: &str, now: Timestamp) -> GatewayAnswer {
        call(self.users.clone(), ROTATION_POLICY, &with_bearer(token), now).await
    }

    /// The refresh token of a successful answer.
    pub(crate) async fn next(&self, token: &str, now: Timestamp) -> String {
        let answer = self.refresh(token, now).await;
        assert_eq!(answer.status_code, 200, "{answer:?}");
        text(&answer, "refresh_token")
    }

    pub(crate) async fn stored(&self) -> User {
        self.users.find_user(&self.alice.username).await.unwrap().unwrap()
    }
}

pub(crate) fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

pub(crate) fn text(answer: &GatewayAnswer, member: &str) -> String {
    body(answer)[member].as_str().unwrap().to_owned()
}

pub(crate) fn refresh_claims(token: &str, now: Timestamp) -> RefreshClaims {
    verifier().refresh(PresentedToken::parse(token).unwrap(), now).unwrap()
}

pub(crate) fn access_claims(answer: &GatewayAnswer, now: Timestamp) -> AccessClaims {
    verifier().access(PresentedToken::parse(&text(answer, "access_token")).unwrap(), now).unwrap()
}

#[track_caller]
pub(crate) fn assert_refused(answer: &GatewayAnswer, code: &str, msg: &str) {
    assert_eq!(answer.status_code, 401, "{answer:?}");
    assert_eq!(body(answer), json!({ "error": code, "msg": msg, "request_id": "request-1" }));
    let challenge =
        format!("Bearer realm=\"latchkey\", error=\"invalid_token\", error_description=\"{msg}\"");
    assert_eq!(answer.headers["www-authenticate"], challenge);
    assert_eq!(answer.headers["cache-control"], "no-store");
}

pub(crate) fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}
