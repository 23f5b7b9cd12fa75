//! `POST /login`: its responses and writes.
#![cfg(test)]

mod scene;

use std::time::Duration;

use latchkey_guard::TokenLocations;
use latchkey_http::GatewayAnswer;
use latchkey_session::{
    AccountStatus, AddUser as _, ReadUser, SessionState, UpdateUser, User, Username,
};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{post_json, with_header},
    fixtures::{NOW, SESSION_POLICY, operation, signing_ring, user, verifier},
    stale_reads::StaleReads,
    unavailable::{self, UnavailableUsers},
};
use latchkey_token::{PresentedToken, Subject};
use scene::{PASSWORD, body, call, call_signing_with, users_with};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

async fn log_in<U: ReadUser + UpdateUser>(
    users: U,
    username: &str,
    password: &str,
) -> GatewayAnswer {
    let body = json!({ "username": username, "password": password });
    call(users, &post_json("/login", &body), NOW).await
}

fn alice() -> Username {
    Username::parse("alice").unwrap()
}

#[tokio::test]
async fn the_right_password_returns_an_access_and_a_refresh_token() {
    let users = users_with(|alice| alice.roles = vec!["editor".to_owned()]).await;
    let answer = log_in(users.clone(), "aLICE", PASSWORD).await;
    assert_eq!(answer.status_code, 200, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = body(&answer);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(
        (&body["expires_in"], &body["refresh_expires_in"]),
        (&json!(900), &json!(2_592_000))
    );
    assert_eq!(body.as_object().unwrap().len(), 5);

    let access = PresentedToken::parse(body["access_token"].as_str().unwrap()).unwrap();
    let access = verifier().access(access, NOW).unwrap();
    let found = users.find_user(&alice()).await.unwrap().unwrap();
    let subject = Subject::User { id: found.id.clone(), username: "Alice".to_owned() };
    assert_eq!(access.subject, subject);
    assert_eq!((access.fresh, access.auth_time, access.roles), (true, NOW, found.roles));

    let refresh = PresentedToken::parse(body["refresh_token"].as_str().unwrap()).unwrap();
    let refresh = verifier().refresh(refresh, NOW).unwrap();
    assert_eq!((refresh.session, refresh.generation), (access.session.clone(), 0));

    let session = &found.sessions[access.session.as_ref().unwrap()];
    assert_eq!(session.client.address, "192.0.2.1", "from the gateway, not from a header");
    assert_eq!(session.client.user_agent, "test");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_response() {
    let users = users_with(|_| ()).await;
    let wrong = log_in(users.clone(), "alice", "wrong horse battery").await;
    let unknown = log_in(users, "unknown", PASSWORD).await;
    assert_eq!(wrong, unknown);
    assert_eq!(wrong.status_code, 401);
    assert_eq!(wrong.headers["www-authenticate"], r#"Bearer realm="latchkey""#);
    assert_eq!(
        body(&wrong),
        json!({
            "error": "invalid_credentials", "msg": "Bad username or password",
            "request_id": "request-1",
        })
    );
}

#[tokio::test]
async fn only_the_right_password_reveals_that_an_account_is_disabled() {
    let users = users_with(|alice| alice.status = AccountStatus::Disabled).await;
    let right = log_in(users.clone(), "alice", PASSWORD).await;
    assert_eq!((right.status_code, &body(&right)["error"]), (403, &json!("account_disabled")));
    let wrong = log_in(users.clone(), "alice", "wrong horse battery").await;
    assert_eq!(wrong, log_in(users, "unknown", PASSWORD).await);
}

#[tokio::test]
async fn an_unverifiable_stored_hash_refuses_the_login() {
    for hostile in ["", "plaintext", "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$c29tZWhhc2g"]
    {
        let users =
            users_with(|alice| alice.password_hash = Some(SecretString::from(hostile))).await;
        let answer = log_in(users.clone(), "alice", PASSWORD).await;
        assert_eq!(answer, log_in(users, "unknown", PASSWORD).await, "{hostile}");
    }
}

#[tokio::test]
async fn a_successful_login_replaces_an_outdated_hash() {
    let weak =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let users = users_with(|alice| alice.password_hash = Some(SecretString::from(weak))).await;
    let stored = async || {
        let found = users.find_user(&alice()).await.unwrap().unwrap();
        found.password_hash.unwrap().expose_secret().to_owned()
    };
    log_in(users.clone(), "alice", "wrong horse battery").await;
    assert_eq!(stored().await, weak, "a wrong password replaces nothing");
    assert_eq!(log_in(users.clone(), "alice", "password").await.status_code, 200);
    let replaced = stored().await;
    assert!(replaced.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{replaced}");
    assert_eq!(log_in(users.clone(), "alice", "password").await.status_code, 200);
    assert_eq!(stored().await, replaced, "the second login does not replace it");
}

#[tokio::test]
async fn malformed_credentials_are_refused_before_anything_is_hashed_or_read() {
    for (credentials, sentence) in [
        (json!({}), "Missing username or password"),
        (json!({"username": "alice", "password": ""}), "Missing username or password"),
        (
            json!({"username": "al ice", "password": PASSWORD}),
            "username must not contain spaces, control characters or symbols outside ASCII",
        ),
        (
            json!({"username": "alice", "password": "x".repeat(257)}),
            "password must be at most 256 characters long",
        ),
        (json!({"username": ["alice"], "password": PASSWORD}), "username must be a string"),
    ] {
        let answer = call(UnavailableUsers, &post_json("/login", &credentials), NOW).await;
        assert_eq!((answer.status_code, &body(&answer)["msg"]), (400, &json!(sentence)));
    }
}

#[tokio::test]
async fn a_session_id_from_the_client_is_ignored() {
    let users = users_with(|_| ()).await;
    let suggested = json!({
        "username": "alice", "password": PASSWORD, "sid": "mine", "session": "mine",
    });
    let event = with_header(post_json("/login", &suggested), "cookie", "session=mine");
    assert_eq!(call(users.clone(), &event, NOW).await.status_code, 200);
    let found = users.find_user(&alice()).await.unwrap().unwrap();
    assert!(found.sessions.keys().all(|id| id.as_str() != "mine"));
}

#[tokio::test]
async fn a_login_over_the_limit_ends_the_oldest_session() {
    let users = users_with(|_| ()).await;
    let event = post_json("/login", &json!({ "username": "alice", "password": PASSWORD }));
    let mut sessions = Vec::new();
    for second in 0..=SESSION_POLICY.limit as u64 {
        let now = NOW + Duration::from_secs(second);
        let body = body(&call(users.clone(), &event, now).await);
        let token = PresentedToken::parse(body["access_token"].as_str().unwrap()).unwrap();
        sessions.push(verifier().access(token, now).unwrap().session);
    }
    let alive = async |id| {
        let state: SessionState = users.find_session(&alice(), id).await.unwrap().unwrap();
        state.session_expires_at.is_some()
    };
    assert!(!alive(sessions[0].as_ref()).await);
    for session in &sessions[1..] {
        assert!(alive(session.as_ref()).await);
    }
}

#[tokio::test]
async fn an_unavailable_store_is_503_with_retry_after() {
    let answer = log_in(UnavailableUsers, "alice", PASSWORD).await;
    assert_eq!(answer.status_code, 503);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(
        body(&answer),
        json!({
            "error": "unavailable", "msg": "Service is unavailable, try again",
            "request_id": "request-1",
        })
    );
}

#[tokio::test]
async fn without_keys_a_login_is_503_and_starts_no_session() {
    let users = users_with(|_| ()).await;
    let keys = signing_ring().connect(&unavailable::aws(), NOW).await;
    let event = post_json("/login", &json!({ "username": "alice", "password": PASSWORD }));
    let locations = TokenLocations::default();
    let answer = call_signing_with(keys, users.clone(), locations, &event, NOW).await;
    assert_eq!((answer.status_code, &body(&answer)["error"]), (503, &json!("unavailable")));
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(users.find_user(&alice()).await.unwrap().unwrap().sessions.is_empty());
}

#[tokio::test]
async fn a_password_change_during_a_login_refuses_it() {
    let changing = changing(|user| user.credentials_version += 1).await;
    let answer = log_in(changing, "alice", PASSWORD).await;
    assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!("invalid_credentials")));
}

#[tokio::test]
async fn a_recreated_account_during_a_login_refuses_it() {
    let changing = changing(|account| account.id = user("x").id).await;
    assert_eq!(log_in(changing, "alice", PASSWORD).await.status_code, 401);
}

#[tokio::test]
async fn disabling_an_account_during_a_login_refuses_it() {
    let changing = changing(|user| {
        user.status = AccountStatus::Disabled;
        user.credentials_version += 1;
    })
    .await;
    let answer = log_in(changing, "alice", PASSWORD).await;
    assert_eq!((answer.status_code, &body(&answer)["error"]), (403, &json!("account_disabled")));
}

/// A store whose user changes between the read and the write.
async fn changing(change: impl FnOnce(&mut User)) -> StaleReads {
    let read = users_with(|_| ()).await;
    let mut changed = read.find_user(&alice()).await.unwrap().unwrap();
    change(&mut changed);
    let write = MemoryUsers::default();
    write.add_user(&changed, &operation()).await.unwrap();
    StaleReads { read, write }
}
