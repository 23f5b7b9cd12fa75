//! `POST /refresh` from a browser: the delivery of tokens, and when cookies are cleared.
#![cfg(test)]

use std::time::Duration;

use lambda_http::Request;
use latchkey_guard::{TokenLocation, TokenLocations, TokenReader};
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{AddUser as _, ReadUser, UpdateUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_header},
    fixtures::{NOW, ROTATION_POLICY, SESSION_POLICY, issuer, operation, reader, session, user},
    unavailable::UnavailableUsers,
};
use latchkey_token::{Grant, IssuedToken, Timestamp};
use refresh::Refresh;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

/// A user with one session, and its refresh token for a cookie.
async fn scene(is_alone: bool) -> (MemoryUsers, IssuedToken) {
    let users = MemoryUsers::default();
    let mut alice: User = user("alice");
    let started = session(&alice, NOW);
    let grant = Grant {
        user: &alice.id,
        username: "alice",
        session: &started.id,
        session_expires_at: started.session.expires_at,
        roles: &[],
        auth_time: NOW,
        claims: None,
        for_cookies: true,
    };
    let generation = started.session.newest();
    let token = if is_alone {
        issuer().lone_refresh_token(&grant, &generation)
    } else {
        issuer().refresh_token(&grant, &generation)
    };
    alice.sessions.insert(started.id, started.session);
    users.add_user(&alice, &operation()).await.unwrap();
    (users, token.unwrap())
}

async fn call<U: ReadUser + UpdateUser>(users: U, event: &Value, now: Timestamp) -> GatewayAnswer {
    let order = vec![TokenLocation::Headers, TokenLocation::Cookies];
    let locations = TokenLocations { order, ..TokenLocations::default() };
    let reader = TokenReader { locations, ..reader() };
    let refresh = Refresh { users, reader, policy: ROTATION_POLICY, sessions: SESSION_POLICY };
    let handle = async |request: &Request| refresh.handle(request, now).await;
    answer(&event.to_string(), &handle).await
}

fn with_cookie(token: &str, csrf: &str) -> Value {
    let mut event = with_header(request("POST", "/refresh"), "x-csrf-token", csrf);
    event["cookies"] = json!([format!("__Host-refresh_token={token}")]);
    event
}

fn event(token: &IssuedToken) -> Value {
    with_cookie(token.text.expose_secret(), token.csrf.as_deref().unwrap())
}

fn body(answer: &GatewayAnswer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

fn cookie(answer: &GatewayAnswer, name: &str) -> Option<String> {
    let prefix = format!("__Host-{name}=");
    let cookie = answer.cookies.iter().find_map(|cookie| cookie.strip_prefix(&prefix))?;
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_refresh_delivers_tokens_as_the_login_did() {
    for is_alone in [true, false] {
        let (users, token) = scene(is_alone).await;
        let first = call(users.clone(), &event(&token), NOW).await;
        let next = cookie(&first, "refresh_token").unwrap();
        let csrf = body(&first)["csrf_refresh_token"].as_str().unwrap().to_owned();
        let second = call(users.clone(), &with_cookie(&next, &csrf), NOW).await;
        let again = call(users, &with_cookie(&next, &csrf), NOW).await;
        for answer in [first, second, again] {
            assert_eq!(answer.status_code, 200, "{answer:?}");
            let body = body(&answer);
            assert!(cookie(&answer, "refresh_token").is_some(), "{answer:?}");
            assert_eq!(body.get("refresh_token"), None);
            assert_eq!(cookie(&answer, "access_token").is_none(), is_alone, "{answer:?}");
            assert_eq!(body["access_token"].is_string(), is_alone, "{answer:?}");
            assert_eq!(answer.cookies.len(), if is_alone { 2 } else { 4 });
        }
    }
}

#[tokio::test]
async fn cookies_are_cleared_only_if_the_refresh_token_is_unusable() {
    let (users, token) = scene(false).await;
    let (text, csrf) = (token.text.expose_secret(), token.csrf.as_deref().unwrap());
    let late = NOW + Duration::from_hours(24 * 60);
    let mut two = with_cookie(text, csrf);
    two["cookies"] = json!([format!("__Host-refresh_token={text}"), "__Host-refresh_token=x.y.z"]);
    for (event, now, code, is_cleared) in [
        (with_cookie("x.y.z", csrf), NOW, "invalid_token", true),
        (two, NOW, "invalid_token", true),
        (event(&token), late, "token_expired", true),
        (with_cookie(text, "x"), NOW, "csrf_failed", false),
        (with_cookie(text, ""), NOW, "csrf_failed", false),
        (with_cookie("", ""), NOW, "missing_token", false),
    ] {
        let answer = call(users.clone(), &event, now).await;
        assert_eq!((answer.status_code, &body(&answer)["error"]), (401, &json!(code)), "{event}");
        assert_eq!(answer.cookies.len(), if is_cleared { 4 } else { 0 }, "{code}");
        assert!(answer.cookies.iter().all(|cookie| cookie.contains("Max-Age=0")), "{answer:?}");
    }
    let unavailable = call(UnavailableUsers, &event(&token), NOW).await;
    assert_eq!((unavailable.status_code, unavailable.cookies.len()), (503, 0));

    assert_eq!(call(users.clone(), &event(&token), NOW).await.status_code, 200);
    let reused = call(users.clone(), &event(&token), NOW + Duration::from_mins(1)).await;
    assert_eq!(
        (&body(&reused)["error"], reused.cookies.len()),
        (&json!("refresh_token_reused"), 4)
    );
    let revoked = call(users, &event(&token), NOW + Duration::from_mins(1)).await;
    assert_eq!((&body(&revoked)["error"], revoked.cookies.len()), (&json!("token_revoked"), 4));
}
