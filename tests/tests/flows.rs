//! The main flows with the real binaries: sign-up, login, protected routes.
#![cfg(test)]

use latchkey_tests::{
    process::wait_for_end,
    stack::{Settings, Stack},
};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_user_signs_up_logs_in_and_calls_both_kinds_of_protected_route() {
    let stack = Stack::start();
    let created = stack.sign_up("Alice").await;
    assert_eq!((created.status, created.text("msg")), (201, "User created"));

    let tokens = stack.log_in("ALICE").await;
    assert_eq!(tokens.status, 200);
    assert_eq!(tokens.header("cache-control"), "no-store");
    let token = tokens.text("access_token");

    let protected = stack.get("/protected", token).await;
    assert_eq!((protected.status, protected.body), (200, json!({ "logged_in_as": "Alice" })));

    let add = stack.request(Method::POST, "/workitems").bearer_auth(token);
    let added = stack.send(add.json(&json!({ "title": "Mow the lawn" }))).await;
    assert_eq!((added.status, added.text("title")), (201, "Mow the lawn"));
    let listed = stack.get("/workitems", token).await;
    assert_eq!((listed.status, &listed.body), (200, &json!({ "workitems": [added.body] })));

    let other = stack.sign_up_and_log_in("bob").await;
    assert_eq!(stack.get("/workitems", &other).await.body, json!({ "workitems": [] }));

    let path = format!("/workitems/{}", added.text("id"));
    let remove = |token| stack.send(stack.request(Method::DELETE, &path).bearer_auth(token));
    assert_eq!(remove(other.as_str()).await.status, 204);
    assert_eq!(stack.get("/workitems", token).await.body, listed.body, "another user's item stays");
    assert_eq!(remove(token).await.status, 204);
    assert_eq!(stack.get("/workitems", token).await.body, json!({ "workitems": [] }));
}

#[tokio::test]
async fn accounts_and_keys_survive_a_restart_and_ctrl_c_stops_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let start = || Settings::default().option("--state", state).start();

    let mut stack = start();
    let token = stack.sign_up_and_log_in("alice").await;
    let functions = stack.functions();
    assert_eq!(functions.len(), 2, "one process per invoked function");
    let keys = stack.get("/.well-known/jwks.json", "").await.body;
    stack.stop("INT");
    wait_for_end(&functions).await;

    let stack = start();
    assert_eq!(stack.log_in("alice").await.status, 200);
    assert_eq!(stack.get("/.well-known/jwks.json", "").await.body, keys);
    // The restarted stack has another port and so another issuer.
    assert_eq!(stack.get("/protected", &token).await.text("error"), "invalid_token");
}

#[tokio::test]
async fn functions_end_when_the_gateway_is_killed() {
    let mut stack = Stack::start();
    stack.sign_up_and_log_in("alice").await;
    let functions = stack.functions();
    assert!(!functions.is_empty());
    stack.stop("KILL");
    wait_for_end(&functions).await;
}

#[tokio::test]
async fn environment_variables_override_the_template() {
    let stack = Settings::default()
        .variable("JWT_ACCESS_TOKEN_EXPIRES", "5")
        .variable("JWT_SECRET_KEY", "a secret of thirty-two bytes or more")
        .variable("JWT_ISSUER", "https://auth.example.com")
        .start();
    stack.sign_up("alice").await;
    let tokens = stack.log_in("alice").await;
    assert_eq!(tokens.body["expires_in"], 5);
    let token = tokens.text("access_token");
    assert_eq!(stack.get("/protected", token).await.status, 200);
    assert_eq!(stack.get("/workitems", token).await.status, 200);
    assert_eq!(stack.get("/.well-known/jwks.json", "").await.body, json!({ "keys": [] }));
    let metadata = stack.get("/.well-known/openid-configuration", "").await;
    assert_eq!(metadata.text("issuer"), "https://auth.example.com");

    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(stack.get("/protected", token).await.text("error"), "token_expired");
    assert_eq!(stack.get("/workitems", token).await.status, 403);
}
