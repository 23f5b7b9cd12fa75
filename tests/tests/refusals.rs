//! Bad tokens and bad requests, with the real binaries: guard and authorizer refuse them alike.
#![cfg(test)]

use latchkey_testkit::{
    fixtures::{ISSUER, JWK_SET},
    forge::{bad_tokens_like, header, sign, with},
};
use latchkey_tests::stack::{Answer, Settings, Stack, claims_of};
use reqwest::{Method, header::HeaderValue};
use serde_json::json;

/// A stack with the tests' private key.
fn stack_with_known_key() -> Stack {
    Settings::default().variable("SIGNING_KEYS", JWK_SET).variable("JWT_ISSUER", ISSUER).start()
}

fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("error"))
}

#[tokio::test]
async fn guard_and_authorizer_refuse_every_bad_token_alike() {
    let stack = stack_with_known_key();
    let genuine = stack.sign_up_and_log_in("alice").await;
    let claims = claims_of(&genuine);
    let forged = sign(&header(), &claims);
    assert_eq!(stack.get("/protected", &forged).await.status, 200, "signed with the right key");
    assert_eq!(stack.get("/workitems", &forged).await.status, 200);

    let mut seen = 0;
    for (name, token, code) in bad_tokens_like(&header(), &claims) {
        // Skips tokens that are invalid in a header.
        if HeaderValue::try_from(format!("Bearer {token}")).is_err() {
            continue;
        }
        seen += 1;
        let guarded = stack.get("/protected", &token).await;
        assert_eq!(refusal(&guarded), (401, code), "{name}");
        assert!(guarded.header("www-authenticate").contains("error=\"invalid_token\""), "{name}");
        let authorized = stack.get("/workitems", &token).await;
        let gateway = (authorized.status, authorized.text("message"));
        assert_eq!(gateway, (403, "Forbidden"), "{name}");
    }
    assert!(seen > 100, "{seen} tokens");
    assert_eq!(stack.get("/protected", &genuine).await.status, 200);
    assert_eq!(stack.get("/workitems", &genuine).await.status, 200);
}

#[tokio::test]
async fn a_missing_token_is_401_by_the_guard_and_by_the_gateway() {
    let stack = Stack::start();
    let guarded = stack.send(stack.request(Method::GET, "/protected")).await;
    assert_eq!(refusal(&guarded), (401, "missing_token"));
    assert_eq!(guarded.header("www-authenticate"), "Bearer realm=\"latchkey\"");
    let gateway = stack.send(stack.request(Method::GET, "/workitems")).await;
    assert_eq!((gateway.status, gateway.body), (401, json!({ "message": "Unauthorized" })));
}

#[tokio::test]
async fn a_refresh_token_does_not_open_protected_routes() {
    let stack = Stack::start();
    stack.sign_up("alice").await;
    let tokens = stack.log_in("alice").await;
    let token = tokens.text("refresh_token");
    let guarded = stack.get("/protected", token).await;
    assert_eq!(refusal(&guarded), (401, "wrong_token_type"));
    assert_eq!(guarded.text("msg"), "Only non-refresh tokens are allowed");
    assert_eq!(stack.get("/workitems", token).await.status, 403);
}

#[tokio::test]
async fn a_token_of_another_deployment_is_refused() {
    let (here, there) = (Stack::start(), Stack::start());
    let token = there.sign_up_and_log_in("alice").await;
    here.sign_up_and_log_in("alice").await;
    assert_eq!(refusal(&here.get("/protected", &token).await), (401, "invalid_token"));
    assert_eq!(here.get("/workitems", &token).await.status, 403);
}

#[tokio::test]
async fn a_token_of_an_unknown_session_is_revoked() {
    let stack = stack_with_known_key();
    let claims = claims_of(&stack.sign_up_and_log_in("alice").await);
    for (claim, value) in [("sid", "session-1"), ("sub", "user-1"), ("username", "unknown")] {
        let token = sign(&header(), &with(claims.clone(), claim, value.into()));
        assert_eq!(refusal(&stack.get("/protected", &token).await), (401, "token_revoked"));
        assert_eq!(stack.get("/workitems", &token).await.status, 403);
    }
}

#[tokio::test]
async fn bad_requests_are_refused_and_the_stack_survives() {
    let stack = Stack::start();
    let post = |path: &str| stack.request(Method::POST, path);
    let json_type = "application/json";
    for path in ["/signup", "/login"] {
        for (content_type, body, status) in [
            ("text/plain", "{}".to_owned(), 415),
            ("application/x-www-form-urlencoded", "username=a&password=b".to_owned(), 415),
            (json_type, String::new(), 400),
            (json_type, "null".to_owned(), 400),
            (json_type, "{\"username\":\"a\",\"username\":\"b\"}".to_owned(), 400),
            (json_type, "[".repeat(16_000), 400),
            (json_type, format!("{{\"a\":\"{}\"}}", "x".repeat(17_000)), 413),
            (json_type, format!("{{\"a\":\"{}\"}}", "x".repeat(5_000_000)), 413),
        ] {
            let request = post(path).header("content-type", content_type).body(body.clone());
            let answer = stack.send(request).await;
            assert_eq!(answer.status, status, "{path} {content_type} {body:.40}");
            assert_eq!(answer.header("content-type"), "application/json");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(!answer.text("request_id").is_empty(), "{answer:?}");
        }
        let compressed =
            post(path).header("content-type", json_type).header("content-encoding", "gzip");
        assert_eq!(stack.send(compressed.body("x")).await.status, 415);
        let not_utf8 = post(path).header("content-type", json_type).body(vec![0xff; 8]);
        assert_eq!(stack.send(not_utf8).await.status, 400);
    }
    for (method, path) in [
        (Method::GET, "/login"),
        (Method::PUT, "/signup"),
        (Method::GET, "/protected/"),
        (Method::GET, "//protected"),
        (Method::GET, "/PROTECTED"),
        (Method::GET, "/protected%2f"),
        (Method::GET, "/$default/protected"),
        (Method::TRACE, "/protected"),
    ] {
        let answer = stack.send(stack.request(method, path)).await;
        assert_eq!((answer.status, answer.text("message")), (404, "Not Found"), "{path}");
    }
    assert_eq!(stack.sign_up("alice").await.status, 201);
}
