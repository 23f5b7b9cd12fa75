//! `POST /logout` and `DELETE /logout`: which session ends.
#![cfg(test)]

use lambda_http::Request;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{AddUser as _, ReadUser as _, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_header, with_token},
    fixtures::{NOW, operation, reader, session, user},
    forge::{bad_tokens, claims_for, header, refresh_claims_for, refresh_header, sign, with},
    unavailable::UnavailableUsers,
};
use latchkey_token::SessionId;
use logout::Logout;
use serde_json::{Value, json};

async fn call<U: UpdateUser>(users: U, event: &Value) -> GatewayAnswer {
    let logout = Logout { users, reader: reader() };
    let handle = async |request: &Request| logout.handle(request, NOW).await;
    answer(&event.to_string(), &handle).await
}

/// A user with two sessions.
async fn scene() -> (MemoryUsers, User, [SessionId; 2]) {
    let users = MemoryUsers::default();
    let mut alice = user("alice");
    let ids = [0, 1].map(|_| {
        let started = session(&alice, NOW);
        alice.sessions.insert(started.id.clone(), started.session);
        started.id
    });
    users.add_user(&alice, &operation()).await.unwrap();
    (users, alice, ids)
}

async fn sessions(users: &MemoryUsers, user: &User) -> Vec<SessionId> {
    users.find_user(&user.username).await.unwrap().unwrap().sessions.into_keys().collect()
}

fn logout(token: &str) -> Value {
    with_token(request("POST", "/logout"), token)
}

#[track_caller]
fn assert_logged_out(answer: &GatewayAnswer) {
    assert_eq!((answer.status_code, answer.body.as_str()), (200, r#"{"msg":"Logged out"}"#));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_token_of_either_type_ends_its_session_and_no_other() {
    for is_refresh in [false, true] {
        let (users, alice, [first, second]) = scene().await;
        let token = if is_refresh {
            sign(&refresh_header(), &refresh_claims_for(&alice.id, &first, 0))
        } else {
            sign(&header(), &claims_for(&alice.id, &first))
        };
        for _ in 0..2 {
            assert_logged_out(&call(users.clone(), &logout(&token)).await);
            assert_eq!(sessions(&users, &alice).await, std::slice::from_ref(&second));
        }
    }
}

#[tokio::test]
async fn a_refresh_token_of_any_generation_logs_out() {
    let (users, alice, [first, second]) = scene().await;
    let token = sign(&refresh_header(), &refresh_claims_for(&alice.id, &first, 7));
    assert_logged_out(&call(users.clone(), &logout(&token)).await);
    assert_eq!(sessions(&users, &alice).await, [second]);
}

#[tokio::test]
async fn logging_out_an_ended_session_gets_the_same_response() {
    let (users, alice, [first, _]) = scene().await;
    let stranger = user("alice");
    for claims in [
        claims_for(&alice.id, &SessionId::generate().unwrap()),
        claims_for(&stranger.id, &first),
        with(claims_for(&alice.id, &first), "username", "unknown".into()),
    ] {
        assert_logged_out(&call(users.clone(), &logout(&sign(&header(), &claims))).await);
    }
    assert_eq!(sessions(&users, &alice).await.len(), 2, "no session has ended");
}

#[tokio::test]
async fn every_bad_token_is_refused_and_ends_nothing() {
    for (name, token, code) in bad_tokens() {
        let answer = call(UnavailableUsers, &logout(&token)).await;
        if answer.status_code == 400 {
            assert!(token.contains(|c: char| c.is_control()), "{name}: {answer:?}");
            continue;
        }
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status_code, &body["error"]), (401, &json!(code)), "{name}");
    }
}

#[tokio::test]
async fn a_request_without_a_token_ends_no_session() {
    let (users, alice, [first, _]) = scene().await;
    let token = sign(&header(), &claims_for(&alice.id, &first));
    let cookie = with_header(request("POST", "/logout"), "cookie", &format!("token={token}"));
    for event in [request("POST", "/logout"), cookie] {
        let answer = call(users.clone(), &event).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status_code, &body["error"]), (401, &json!("missing_token")));
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"latchkey\"");
    }
    assert_eq!(sessions(&users, &alice).await.len(), 2);
}

#[tokio::test]
async fn an_unavailable_store_is_not_reported_as_a_logout() {
    let (_, alice, [first, _]) = scene().await;
    let token = sign(&header(), &claims_for(&alice.id, &first));
    let answer = call(UnavailableUsers, &logout(&token)).await;
    assert_eq!((answer.status_code, answer.headers["retry-after"].as_str()), (503, "1"));
}
