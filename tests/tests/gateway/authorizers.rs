//! Authorizer decisions and CORS in the local gateway.

use latchkey_tests::stack::{Answer, Stack};
use reqwest::Method;
use serde_json::json;

use super::{assert_masked, settings, stack};

async fn closed(stack: &Stack, token: &str) -> Answer {
    stack.send(stack.request(Method::GET, "/closed/echo").header("x-token", token)).await
}

#[tokio::test]
async fn the_decision_of_the_authorizer_is_enforced() {
    let stack = stack();
    let allowed = closed(&stack, "allow").await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.body["requestContext"]["authorizer"]["lambda"], json!({ "calls": "1" }));
    let denied = closed(&stack, "deny").await;
    assert_eq!((denied.status, denied.text("message")), (403, "Forbidden"));
}

#[tokio::test]
async fn a_missing_identity_is_401_without_a_call_of_the_authorizer() {
    let stack = stack();
    for request in [
        stack.request(Method::GET, "/closed/echo"),
        stack.request(Method::GET, "/closed/echo").header("x-token", ""),
    ] {
        let answer = stack.send(request).await;
        assert_eq!((answer.status, answer.text("message")), (401, "Unauthorized"));
    }
    assert_eq!(stack.functions(), Vec::<u32>::new());
}

#[tokio::test]
async fn a_failing_or_malformed_authorizer_is_a_masked_500() {
    let stack = stack();
    for token in ["fail", "text", "null"] {
        assert_masked(&closed(&stack, token).await);
    }
    assert_eq!(closed(&stack, "allow").await.status, 200);
}

#[tokio::test]
async fn decisions_are_cached_per_caller_for_their_ttl() {
    let stack = settings().option("--parameter", "CacheSeconds=3").start();
    let calls =
        |answer: &Answer| answer.body["requestContext"]["authorizer"]["lambda"]["calls"].clone();
    let first = closed(&stack, "allow-1").await;
    assert_eq!(calls(&closed(&stack, "allow-1").await), calls(&first), "from the cache");
    assert_ne!(calls(&closed(&stack, "allow-2").await), calls(&first), "another caller");
    tokio::time::sleep(std::time::Duration::from_millis(3_100)).await;
    assert_ne!(calls(&closed(&stack, "allow-1").await), calls(&first), "after the TTL");
}

#[tokio::test]
async fn without_a_ttl_no_decision_is_cached() {
    let stack = stack();
    closed(&stack, "allow").await;
    let second = closed(&stack, "allow").await;
    assert_eq!(second.body["requestContext"]["authorizer"]["lambda"], json!({ "calls": "2" }));
}

#[tokio::test]
async fn the_gateway_answers_cors_only_for_the_origins_of_the_template() {
    let stack = stack();
    let preflight = |origin: &str| {
        stack
            .request(Method::OPTIONS, "/closed/echo")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
    };
    let allowed = stack.send(preflight("https://app.example.com")).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(allowed.header("access-control-allow-methods"), "GET");
    for origin in [
        "https://evil.example.com",
        "null",
        "http://app.example.com",
        "https://app.example.com.evil",
    ] {
        let refused = stack.send(preflight(origin)).await;
        assert_eq!(refused.header("access-control-allow-origin"), "", "{origin}");
    }
    let request =
        stack.request(Method::GET, "/closed/echo").header("origin", "https://app.example.com");
    let denied = stack.send(request).await;
    assert_eq!(denied.status, 401);
    assert_eq!(denied.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(denied.header("vary"), "Origin");
}
