//! `POST /refresh` with a Flask service's refresh token.
#![cfg(test)]

use lambda_http::Request;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{
    AccountChange, AccountStatus, AddUser as _, LegacyUser, ReadUser as _, RemoveUser as _, User,
};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_token},
    fixtures::{
        NOW, ROTATION_POLICY, SESSION_POLICY, key_set, operation, reader_with, user, verifier,
    },
    flask::{extended_claims, keys, sign},
    forge::with,
};
use latchkey_token::{AccessClaims, KeySet, PresentedToken, Subject, Timestamp};
use refresh::Refresh;
use serde_json::{Value, json};

/// A refresh token of a login ten days ago.
fn token() -> String {
    let then = NOW.unix() - 10 * 86_400;
    let claims = with(with(extended_claims(), "type", "refresh".into()), "fresh", false.into());
    let claims = with(with(claims, "iat", then.into()), "nbf", then.into());
    sign(&with(claims, "exp", (then + 30 * 86_400).into()))
}

async fn users(change: impl FnOnce(&mut User)) -> (MemoryUsers, User) {
    let (users, mut alice) = (MemoryUsers::default(), user("Alice"));
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    users.add_legacy_user(
        "alice",
        LegacyUser { id: alice.id.clone(), username: alice.username.clone() },
    );
    (users, alice)
}

async fn call(users: &MemoryUsers, keys: KeySet, token: &str) -> GatewayAnswer {
    let refresh = Refresh {
        users: users.clone(),
        reader: reader_with(keys),
        policy: ROTATION_POLICY,
        sessions: SESSION_POLICY,
    };
    let handle = async |request: &Request| refresh.handle(request, NOW).await;
    let event = with_token(request("POST", "/refresh"), token);
    answer(&event.to_string(), &handle).await
}

fn extended() -> KeySet {
    keys(&json!({ "minted_by": "flask" }))
}

fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[track_caller]
fn access_claims(answer: &GatewayAnswer) -> AccessClaims {
    assert_eq!(answer.status_code, 200, "{answer:?}");
    let body = body(answer);
    let token = PresentedToken::parse(body["access_token"].as_str().unwrap()).unwrap();
    verifier().access(token, NOW).unwrap()
}

#[tokio::test]
async fn a_flask_refresh_token_starts_a_session() {
    let (users, alice) = users(|alice| alice.roles = vec!["editor".to_owned()]).await;
    let answer = call(&users, extended(), &token()).await;
    let claims = access_claims(&answer);
    let subject = Subject::User { id: alice.id, username: "Alice".to_owned() };
    assert_eq!((claims.subject, claims.fresh, claims.roles), (subject, false, alice.roles));
    let then = Timestamp::from_unix(NOW.unix() - 10 * 86_400);
    assert_eq!(claims.auth_time, then, "the time of the Flask login");

    // The new refresh token rotates.
    let next = body(&answer)["refresh_token"].as_str().unwrap().to_owned();
    let refreshed = access_claims(&call(&users, extended(), &next).await);
    assert_eq!(refreshed.session, claims.session);

    // Flask tokens do not rotate, so each use starts a session, up to the limit.
    for _ in 0..=SESSION_POLICY.limit {
        assert_ne!(
            access_claims(&call(&users, extended(), &token()).await).session,
            claims.session
        );
    }
    let stored = users.find_user(&alice.username).await.unwrap().unwrap();
    assert_eq!(stored.sessions.len(), SESSION_POLICY.limit);
}

#[tokio::test]
async fn a_flask_refresh_token_is_revoked_by_an_account_change() {
    let changes: [fn(&mut User); 2] =
        [|alice| alice.credentials_version = 1, |alice| alice.status = AccountStatus::Disabled];
    for change in changes {
        let (users, _) = users(change).await;
        let answer = call(&users, extended(), &token()).await;
        assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!("token_revoked")));
    }
    let answer = call(&MemoryUsers::default(), extended(), &token()).await;
    assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!("token_revoked")));
}

#[tokio::test]
async fn a_recreated_account_does_not_inherit_flask_tokens() {
    let (users, alice) = users(|_| ()).await;
    let operation = operation();
    let removal = AccountChange { user: &alice, session: None, operation: &operation };
    users.remove_user(&removal).await.unwrap();
    users.add_user(&user("alice"), &latchkey_testkit::fixtures::operation()).await.unwrap();
    let answer = call(&users, extended(), &token()).await;
    assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!("token_revoked")));
}

#[tokio::test]
async fn the_absolute_lifetime_counts_from_the_flask_login() {
    let absolute = SESSION_POLICY.lifetimes.absolute.as_secs();
    for (age, is_taken) in [(absolute - 60, true), (absolute, false)] {
        let (users, alice) = users(|_| ()).await;
        let then = NOW.unix() - age;
        let claims = with(with(extended_claims(), "type", "refresh".into()), "iat", then.into());
        let token = sign(&with(claims, "nbf", then.into()));
        let answer = call(&users, extended(), &token).await;
        assert_eq!(answer.status_code == 200, is_taken, "{answer:?}");
        let stored = users.find_user(&alice.username).await.unwrap().unwrap();
        for session in stored.sessions.values() {
            assert_eq!(session.expires_at.unix(), NOW.unix() + 60);
        }
    }
}

#[tokio::test]
async fn an_invalid_flask_token_or_an_access_token_starts_no_session() {
    let (users, alice) = users(|_| ()).await;
    let access = sign(&extended_claims());
    for (keys, token, code) in [
        (key_set(), token(), "invalid_token"),
        (extended(), access, "wrong_token_type"),
        (extended(), format!("{}x", token()), "invalid_token"),
    ] {
        let answer = call(&users, keys, &token).await;
        assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!(code)));
    }
    assert_eq!(users.find_user(&alice.username).await.unwrap().unwrap().sessions.len(), 0);
}
