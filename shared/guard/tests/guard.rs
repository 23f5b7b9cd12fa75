//! The guard's requirements, and its session lookups.
#![cfg(test)]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use lambda_http::{Body, Request, http};
use latchkey_guard::{Guard, Requirement, RevocationCheck};
use latchkey_http::{ErrorKind, ErrorShape};
use latchkey_session::{
    AddUser as _, LegacyUser, ReadUser, SessionEnd, SessionState, StoreError, UpdateUser as _,
    User, Username,
};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    fixtures::{NOW, operation, reader, session, user},
    forge::{claims, claims_for, header, sign, with},
};
use latchkey_token::{SessionId, Timestamp};
use serde_json::Value;

fn request(token: &str) -> Request {
    let request = http::Request::builder().header("authorization", format!("Bearer {token}"));
    request.body(Body::Empty).unwrap()
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

#[tokio::test]
async fn the_last_password_login_must_be_recent_enough() {
    let guard = Guard::new(reader(), None::<MemoryUsers>, RevocationCheck::Off);
    let recent = Requirement::fresh_within(Duration::from_mins(5));
    let admitted = async |claims: &Value, now| {
        guard.authenticate(&request(&sign(&header(), claims)), recent, now).await
    };
    let fresh = claims();
    assert!(admitted(&fresh, NOW).await.is_ok());
    assert!(admitted(&fresh, later(299)).await.is_ok());
    for (claims, now) in [
        (fresh.clone(), later(300)),
        (with(fresh.clone(), "fresh", false.into()), NOW),
        (with(fresh, "auth_time", (NOW.unix() - 300).into()), NOW),
    ] {
        let refusal = admitted(&claims, now).await.unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::FreshTokenRequired);
        let response = refusal.into_response(ErrorShape::FlaskJwt);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.ends_with("max_age=300"), "{challenge}");
    }
}

#[tokio::test]
async fn a_role_can_be_required_in_addition() {
    let guard = Guard::new(reader(), None::<MemoryUsers>, RevocationCheck::Off);
    let strict = Requirement::FRESH.and_role("admin");
    let admin = with(claims(), "roles", serde_json::json!(["admin"]));
    let token = sign(&header(), &admin);
    assert!(guard.authenticate(&request(&token), strict, NOW).await.is_ok());
    let stale = sign(&header(), &with(admin, "fresh", false.into()));
    let refusal = guard.authenticate(&request(&stale), strict, NOW).await.unwrap_err();
    assert!(refusal.kind() == ErrorKind::FreshTokenRequired, "{refusal:?}");
    let refusal = guard.authenticate(&request(&sign(&header(), &claims())), strict, NOW).await;
    let refusal = refusal.unwrap_err();
    assert_eq!(
        (refusal.kind(), refusal.message()),
        (ErrorKind::InsufficientRole, "Role required: admin")
    );
}

/// A user store that counts session lookups.
#[derive(Debug, Default)]
struct CountingUsers {
    users: MemoryUsers,
    lookups: AtomicUsize,
}

impl ReadUser for &CountingUsers {
    async fn find_session(
        &self,
        username: &Username,
        session: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.users.find_session(username, session).await
    }

    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        self.users.find_user(username).await
    }

    async fn find_legacy_user(&self, identity: &str) -> Result<Option<LegacyUser>, StoreError> {
        self.users.find_legacy_user(identity).await
    }
}

impl CountingUsers {
    /// Adds a user with a session, and returns an access token of it.
    async fn log_in(&self, name: &str) -> (User, SessionId, String) {
        let mut added = user(name);
        let started = session(&added, NOW);
        let claims = with(claims_for(&added.id, &started.id), "username", name.into());
        added.sessions.insert(started.id.clone(), started.session);
        self.users.add_user(&added, &operation()).await.unwrap();
        (added, started.id, sign(&header(), &claims))
    }

    fn lookups(&self) -> usize {
        self.lookups.swap(0, Ordering::Relaxed)
    }
}

const CACHE_TIME: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_live_session_is_cached_for_the_configured_time() {
    let store = CountingUsers::default();
    let (user, id, token) = store.log_in("alice").await;
    let guard = Guard::new(reader(), Some(&store), RevocationCheck::Cached(CACHE_TIME));
    for seconds in [0, 1, 59] {
        assert!(guard.authenticate_token(&token, later(seconds)).await.is_ok());
    }
    assert_eq!(store.lookups(), 1);
    assert!(guard.authenticate_token(&token, later(60)).await.is_ok());
    assert_eq!(store.lookups(), 1, "the entry has expired");

    let end = SessionEnd { username: &user.username, user: &user.id, session: &id };
    store.users.end_session(&end).await.unwrap();
    assert!(guard.authenticate_token(&token, later(119)).await.is_ok(), "the session is cached");
    let refusal = guard.authenticate_token(&token, later(120)).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::TokenRevoked),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn the_session_cache_does_not_mix_users() {
    let store = CountingUsers::default();
    let (_, alices, token) = store.log_in("alice").await;
    let (bob, _, _) = store.log_in("bob").await;
    let guard = Guard::new(reader(), Some(&store), RevocationCheck::Cached(CACHE_TIME));
    assert!(guard.authenticate_token(&token, NOW).await.is_ok());
    let bobs_claims = with(claims_for(&bob.id, &alices), "username", "bob".into());
    let mixed = sign(&header(), &bobs_claims);
    let refusal = guard.authenticate_token(&mixed, NOW).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::TokenRevoked),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn refusals_are_not_cached_and_a_clock_set_back_expires_entries() {
    let store = CountingUsers::default();
    let (_, _, token) = store.log_in("alice").await;
    let guard = Guard::new(reader(), Some(&store), RevocationCheck::Cached(CACHE_TIME));
    let ended = sign(&header(), &claims());
    for _ in 0..2 {
        assert!(guard.authenticate_token(&ended, NOW).await.is_err());
        assert_eq!(store.lookups(), 1);
    }
    assert!(guard.authenticate_token(&token, later(10)).await.is_ok());
    assert!(guard.authenticate_token(&token, NOW).await.is_ok());
    assert_eq!(store.lookups(), 2);
}

#[tokio::test]
async fn a_strict_guard_looks_the_session_up_for_every_request() {
    let store = CountingUsers::default();
    let (_, _, token) = store.log_in("alice").await;
    let guard = Guard::new(reader(), Some(&store), RevocationCheck::Strict);
    for _ in 0..3 {
        assert!(guard.authenticate_token(&token, NOW).await.is_ok());
    }
    assert_eq!(store.lookups(), 3);
}

#[tokio::test]
async fn an_application_can_verify_claims() {
    let guard = Guard::new(reader(), None::<MemoryUsers>, RevocationCheck::Off);
    let guard =
        guard.verify_with(|caller| caller.claims().claims.get("plan") == Some(&"pro".into()));
    let pro = sign(&header(), &with(claims(), "plan", "pro".into()));
    assert!(guard.authenticate(&request(&pro), Requirement::TOKEN, NOW).await.is_ok());
    let free = request(&sign(&header(), &with(claims(), "plan", "free".into())));
    let refusal = guard.authenticate(&free, Requirement::TOKEN, NOW).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::ClaimsRejected),
        "{refusal:?}"
    );
    let refused = guard.authenticate(&free, Requirement::TOKEN, NOW).await.unwrap_err();
    assert_eq!((refused.kind().status().as_u16(), refused.kind().code()), (403, "claims_rejected"));
    assert_eq!(refused.message(), "User claims verification failed");
    let junk = guard.authenticate(&request("x.y.z"), Requirement::TOKEN, NOW).await;
    assert!(
        matches!(junk, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
        "the hook runs only for valid tokens"
    );
}
