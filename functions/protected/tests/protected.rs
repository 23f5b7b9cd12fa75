//! `/protected`: which requests are accepted, and how others are refused.
#![cfg(test)]

use std::time::Duration;

use lambda_http::Request;
use latchkey_guard::{Guard, RevocationCheck};
use latchkey_http::{GatewayAnswer, answer};
use latchkey_session::{AccountStatus, AddUser as _, ReadUser};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    event::{request, with_header, with_token},
    fixtures::{NOW, operation, reader, session, user},
    forge::{bad_tokens, claims, claims_for, header, sign, with},
    unavailable::{CAUSE, UnavailableUsers},
};
use latchkey_token::Timestamp;
use protected::Protected;
use serde_json::{Value, json};

/// Calls the function. Without `users` its guard looks no sessions up.
async fn call<U: ReadUser>(users: Option<U>, event: &Value, now: Timestamp) -> GatewayAnswer {
    let protected = Protected { guard: Guard::new(reader(), users, RevocationCheck::Strict) };
    let handle = async |request: &Request| protected.handle(request, now).await;
    answer(&event.to_string(), &handle).await
}

/// A user with a live session, and an access token of the session.
async fn logged_in(change: impl FnOnce(&mut latchkey_session::User)) -> (MemoryUsers, String) {
    let users = MemoryUsers::default();
    let mut alice = user("Alice");
    let started = session(&alice, NOW);
    let token = sign(&header(), &claims_for(&alice.id, &started.id));
    alice.sessions.insert(started.id, started.session);
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    (users, token)
}

fn route() -> Value {
    request("GET", "/protected")
}

#[track_caller]
fn assert_refused(answer: &GatewayAnswer, code: &str, msg: &str, challenge: &str) {
    assert_eq!(answer.status_code, 401, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body, json!({ "error": code, "msg": msg, "request_id": "request-1" }));
    assert_eq!(answer.headers["www-authenticate"], format!("Bearer realm=\"latchkey\"{challenge}"));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[track_caller]
fn assert_invalid(answer: &GatewayAnswer) {
    let challenge = ", error=\"invalid_token\", error_description=\"Token is invalid\"";
    assert_refused(answer, "invalid_token", "Token is invalid", challenge);
}

#[tokio::test]
async fn a_valid_token_returns_its_user() {
    let (users, token) = logged_in(|_| ()).await;
    let answer = call(Some(users), &with_token(route(), &token), NOW).await;
    assert_eq!((answer.status_code, answer.body.as_str()), (200, r#"{"logged_in_as":"alice"}"#));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn the_schemes_bearer_and_jwt_are_accepted_in_any_case() {
    let (users, token) = logged_in(|_| ()).await;
    for scheme in ["Bearer", "bearer", "BEARER", "JWT", "jwt"] {
        let event = with_header(route(), "authorization", &format!("{scheme} {token}"));
        assert_eq!(call(Some(users.clone()), &event, NOW).await.status_code, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_missing_token_gets_a_challenge_without_an_error() {
    let (users, token) = logged_in(|_| ()).await;
    let missing = |answer: &GatewayAnswer| {
        assert_refused(answer, "missing_token", "Missing Authorization Header", "");
    };
    missing(&call(Some(users.clone()), &route(), NOW).await);
    for value in ["Basic YTpi", "Token x", token.as_str(), "", "Bearertoken"] {
        let event = with_header(route(), "authorization", value);
        missing(&call(Some(users.clone()), &event, NOW).await);
    }
    for (name, value) in
        [("cookie", format!("access_token_cookie={token}")), ("x-user-id", "alice".to_owned())]
    {
        missing(&call(Some(users.clone()), &with_header(route(), name, &value), NOW).await);
    }
    let mut query = route();
    query["rawQueryString"] = format!("access_token={token}&jwt={token}").into();
    missing(&call(Some(users), &query, NOW).await);
}

#[tokio::test]
async fn a_malformed_authorization_header_is_an_invalid_token() {
    let (users, token) = logged_in(|_| ()).await;
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {token} {token}"),
        format!("Bearer {token}, {token}"),
        "Bearer ü.ü.ü".to_owned(),
    ] {
        let event = with_header(route(), "authorization", &value);
        assert_invalid(&call(Some(users.clone()), &event, NOW).await);
    }
}

#[tokio::test]
async fn equivalent_and_repeated_headers_are_one_token() {
    let (users, token) = logged_in(|_| ()).await;
    for value in [
        format!("Bearer  {token}"),
        format!("bEARER \t {token} \t"),
        format!(" Bearer {token}"),
        format!("Bearer {token},Bearer {token}"),
        format!("Basic dXNlcjpwYXNz, Bearer {token}"),
        format!("Digest realm=\"a, Bearer x\", nonce=\"b\", Bearer {token}"),
        format!("Bearer {token}, Basic dXNlcjpwYXNz,"),
        format!("Basic \", Bearer {token}"),
        format!("Basic ü\u{1}, Bearer {token}"),
    ] {
        let event = with_header(route(), "authorization", &value);
        let answer = call(Some(users.clone()), &event, NOW).await;
        assert_eq!(answer.status_code, 200, "{value}: {answer:?}");
    }
    let mut twice = with_token(route(), &token);
    twice["headers"]["Authorization"] = format!("Bearer {token}").into();
    assert_eq!(call(Some(users.clone()), &twice, NOW).await.status_code, 200);

    for other in ["x.y.z".to_owned(), format!("{token}x")] {
        let both = format!("Bearer {token}, Bearer {other}");
        let event = with_header(route(), "authorization", &both);
        let answer = call(Some(users.clone()), &event, NOW).await;
        assert_eq!(
            (answer.status_code, &serde_json::from_str::<Value>(&answer.body).unwrap()["error"]),
            (400, &json!("invalid_request"))
        );
    }
}

#[tokio::test]
async fn every_bad_token_is_refused_and_only_expiry_is_revealed() {
    for (name, token, code) in bad_tokens() {
        let event = with_token(route(), &token);
        let answer = call(Some(MemoryUsers::default()), &event, NOW).await;
        if answer.status_code == 400 {
            assert!(token.contains(|c: char| c.is_control()), "{name}: {answer:?}");
        } else if code == "token_expired" {
            let challenge = ", error=\"invalid_token\", error_description=\"Token has expired\"";
            assert_refused(&answer, code, "Token has expired", challenge);
        } else {
            assert_invalid(&answer);
        }
    }
}

#[tokio::test]
async fn a_refresh_token_is_refused() {
    let header = with(header(), "typ", "rt+jwt".into());
    let claims = with(with(claims(), "type", "refresh".into()), "gen", 0.into());
    let event = with_token(route(), &sign(&header, &claims));
    let msg = "Only non-refresh tokens are allowed";
    let challenge = format!(", error=\"invalid_token\", error_description=\"{msg}\"");
    let answer = call(Some(MemoryUsers::default()), &event, NOW).await;
    assert_refused(&answer, "wrong_token_type", msg, &challenge);
}

#[tokio::test]
async fn a_token_without_a_live_session_is_revoked() {
    let revoked = |answer: &GatewayAnswer| {
        let challenge = ", error=\"invalid_token\", error_description=\"Token has been revoked\"";
        assert_refused(answer, "token_revoked", "Token has been revoked", challenge);
    };
    let ended = logged_in(|alice| alice.sessions.clear()).await;
    let disabled = logged_in(|alice| alice.status = AccountStatus::Disabled).await;
    let recreated = logged_in(|alice| alice.id = user("x").id).await;
    let expired = logged_in(|alice| {
        for session in alice.sessions.values_mut() {
            session.expires_at = NOW;
        }
    })
    .await;
    let deleted = (MemoryUsers::default(), sign(&header(), &claims()));
    for (users, token) in [ended, disabled, recreated, expired, deleted] {
        revoked(&call(Some(users), &with_token(route(), &token), NOW).await);
    }
}

#[tokio::test]
async fn without_the_revocation_check_a_token_is_valid_until_it_expires() {
    let event = with_token(route(), &sign(&header(), &claims()));
    assert_eq!(call(None::<MemoryUsers>, &event, NOW).await.status_code, 200);
    let later = NOW + Duration::from_mins(15);
    assert_eq!(call(None::<MemoryUsers>, &event, later).await.status_code, 401);
}

#[tokio::test]
async fn a_failed_session_lookup_is_503_and_not_401() {
    let event = with_token(route(), &sign(&header(), &claims()));
    let answer = call(Some(UnavailableUsers), &event, NOW).await;
    assert_eq!((answer.status_code, answer.headers["retry-after"].as_str()), (503, "1"));
    assert!(!answer.body.contains(CAUSE), "{}", answer.body);
}

#[tokio::test]
async fn an_optional_route_refuses_only_a_bad_token() {
    let optional = request("GET", "/protected/optional");
    let (users, token) = logged_in(|_| ()).await;
    let check = || Some(users.clone());
    let anonymous = call(check(), &optional, NOW).await;
    assert_eq!((anonymous.status_code, anonymous.body.as_str()), (200, r#"{"logged_in_as":null}"#));
    let alice = call(check(), &with_token(optional.clone(), &token), NOW).await;
    assert_eq!((alice.status_code, alice.body.as_str()), (200, r#"{"logged_in_as":"alice"}"#));
    assert_invalid(&call(check(), &with_token(optional.clone(), "x.y.z"), NOW).await);
    let ended = sign(&header(), &claims());
    let revoked = call(check(), &with_token(optional, &ended), NOW).await;
    assert_eq!(revoked.status_code, 401);
}

#[tokio::test]
async fn a_fresh_route_requires_a_fresh_token() {
    let route = request("GET", "/protected/fresh");
    let off = || None::<MemoryUsers>;
    let fresh = with_token(route.clone(), &sign(&header(), &claims()));
    assert_eq!(call(off(), &fresh, NOW).await.status_code, 200);
    let stale = sign(&header(), &with(claims(), "fresh", false.into()));
    let answer = call(off(), &with_token(route.clone(), &stale), NOW).await;
    let challenge = ", error=\"insufficient_user_authentication\", \
                     error_description=\"Fresh token required\", max_age=0";
    assert_refused(&answer, "fresh_token_required", "Fresh token required", challenge);
    assert_eq!(call(off(), &route, NOW).await.status_code, 401);
}

#[tokio::test]
async fn a_role_route_requires_the_role() {
    let route = request("GET", "/protected/admin");
    let with_roles =
        |roles: Value| with_token(route.clone(), &sign(&header(), &with(claims(), "roles", roles)));
    let off = || None::<MemoryUsers>;
    let admin = call(off(), &with_roles(json!(["editor", "admin"])), NOW).await;
    assert_eq!(admin.status_code, 200);
    for roles in [Value::Null, json!([]), json!(["Admin"]), json!(["admin "]), json!(["editor"])] {
        let answer = call(off(), &with_roles(roles), NOW).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (answer.status_code, body),
            (
                403,
                json!({
                    "error": "insufficient_role", "msg": "Role required: admin",
                    "request_id": "request-1",
                })
            )
        );
        let challenge = "Bearer realm=\"latchkey\", error=\"insufficient_scope\"";
        assert_eq!(answer.headers["www-authenticate"], challenge);
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    for path in ["/protected/", "/protected/other", "/protectedx", "/"] {
        let event = with_token(request("GET", path), &sign(&header(), &claims()));
        let answer = call(None::<MemoryUsers>, &event, NOW).await;
        assert_eq!(answer.status_code, 404, "{path}");
    }
}
