//! What the gateway does with an authorizer's decisions, and with CORS.

use latchkey_tests::stack::{Answer, Stack};
use reqwest::Method;
use serde_json::json;

use super::{assert_masked, settings, stack};

async fn closed(stack: &Stack, token: &str) -> Answer {
    stack.send(stack.request(Method::GET, "/closed/echo").header("x-token", token)).await
}

#[tokio::test]
async fn an_authorizers_decision_is_carried_out() {
    let stack = stack();
    let allowed = closed(&stack, "allow").await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.body["requestContext"]["authorizer"]["lambda"], json!({ "calls": "1" }));
    let denied = closed(&stack, "deny").await;
    assert_eq!((denied.status, denied.text("message")), (403, "Forbidden"));
}

#[tokio::test]
async fn a_caller_without_identity_is_401_and_the_authorizer_is_not_asked() {
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
async fn an_authorizer_that_fails_or_answers_nonsense_is_a_masked_500() {
    let stack = stack();
    for token in ["fail", "text", "null"] {
        assert_masked(&closed(&stack, token).await);
    }
    assert_eq!(closed(&stack, "allow").await.status, 200);
}

#[tokio::test]
async fn decisions_are_reused_for_their_time_by_caller() {
    let stack = settings().option("--parameter", "CacheSeconds=3").start();
    let calls =
        |answer: &Answer| answer.body["requestContext"]["authorizer"]["lambda"]["calls"].clone();
    let first = closed(&stack, "allow-1").await;
    assert_eq!(calls(&closed(&stack, "allow-1").await), calls(&first), "from the cache");
    assert_ne!(calls(&closed(&stack, "allow-2").await), calls(&first), "another caller");
    tokio::time::sleep(std::time::Duration::from_millis(3_100)).await;
    assert_ne!(calls(&closed(&stack, "allow-1").await), calls(&first), "its time is over");
}

#[tokio::test]
async fn without_a_time_no_decision_is_reused() {
    let stack = stack();
    closed(&stack, "allow").await;
    let second = closed(&stack, "allow").await;
    assert_eq!(second.body["requestContext"]["authorizer"]["lambda"], json!({ "calls": "2" }));
}

#[tokio::test]
async fn cors_is_answered_by_the_gateway_for_the_origins_of_the_template_only() {
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
