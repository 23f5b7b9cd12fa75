//! The local gateway behaves as an HTTP API of API Gateway.
#![cfg(test)]

mod authorizers;

use std::{collections::HashSet, sync::Arc};

use latchkey_tests::{
    process::wait_for_end,
    stack::{Answer, Settings, Stack, signal_to},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn stack() -> Stack {
    settings().start()
}

fn settings() -> Settings {
    Settings::default().option("--template", "tests/fixtures/gateway.yaml")
}

async fn get(stack: &Stack, path: &str) -> Answer {
    stack.send(stack.request(Method::GET, path)).await
}

async fn event(stack: &Stack, request: reqwest::RequestBuilder) -> Value {
    stack.send(request).await.body
}

#[track_caller]
fn assert_masked(answer: &Answer) {
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(answer.body, json!({ "message": "Internal Server Error" }));
}

#[tokio::test]
async fn a_request_becomes_an_event_of_format_2() {
    let stack = stack();
    let request = stack
        .request(Method::POST, "/open/echo?a=1&b=x%20y+z&a=%C3%A4&c")
        .header("X-Repeated", "1")
        .header("X-Repeated", "2")
        .header("Cookie", "one=1")
        .header("Cookie", "two=2")
        .header("User-Agent", "tester")
        .header("Content-Type", "application/json")
        .header("X-Forwarded-For", "203.0.113.9")
        .body("{\"a\":1}");
    let event = event(&stack, request).await;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "ANY /open/{what}");
    assert_eq!(event["rawPath"], "/open/echo");
    assert_eq!(event["rawQueryString"], "a=1&b=x%20y+z&a=%C3%A4&c");
    let query = json!({ "a": "1,ä", "b": "x y z", "c": "" });
    assert_eq!(event["queryStringParameters"], query);
    assert_eq!(event["pathParameters"], json!({ "what": "echo" }));
    assert_eq!(event["cookies"], json!(["one=1", "two=2"]));
    assert_eq!(event["headers"]["x-repeated"], "1,2");
    assert_eq!(event["headers"]["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["headers"].get("X-Repeated"), None);
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{\"a\":1}"), &json!(false)));
    let context = &event["requestContext"];
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1", "not from a header");
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["userAgent"], "tester");
    assert_eq!(context["stage"], "$default");
    assert_eq!(context.get("authorizer"), None);
}

#[tokio::test]
async fn text_bodies_are_passed_as_text_and_all_others_as_base64() {
    let stack = stack();
    for (content_type, body, expected, is_encoded) in [
        ("application/octet-stream", &b"hi"[..], "aGk=", true),
        ("application/x-www-form-urlencoded", b"a=1", "YT0x", true),
        ("application/json", &[0xff, 0xfe], "//4=", true),
        ("", b"hi", "aGk=", true),
        ("Application/JSON; charset=utf-8", b"hi", "hi", false),
        ("text/html", b"hi", "hi", false),
        ("a/b+json", b"hi", "hi", false),
    ] {
        let request =
            stack.request(Method::POST, "/open/echo").header("content-type", content_type);
        let event = event(&stack, request.body(body)).await;
        let found = (&event["body"], &event["isBase64Encoded"]);
        assert_eq!(found, (&json!(expected), &json!(is_encoded)), "{content_type}");
    }
}

#[tokio::test]
async fn the_most_specific_route_wins_and_its_parameters_are_decoded_once() {
    let stack = stack();
    for (method, path, route, parameters) in [
        (Method::GET, "/routes/new/echo", "GET /routes/new/echo", json!(null)),
        (Method::GET, "/routes/7/echo", "GET /routes/{id}/echo", json!({ "id": "7" })),
        (Method::PUT, "/routes/7/echo", "ANY /routes/{id}/echo", json!({ "id": "7" })),
        (Method::GET, "/routes/a/b/echo", "GET /routes/{proxy+}", json!({ "proxy": "a/b/echo" })),
        (
            Method::PUT,
            "/routes/%C3%A4%3c%252F/echo",
            "ANY /routes/{id}/echo",
            json!({ "id": "ä<%2F" }),
        ),
    ] {
        let event = event(&stack, stack.request(method, path)).await;
        assert_eq!((&event["routeKey"], &event["pathParameters"]), (&json!(route), &parameters));
    }
}

#[tokio::test]
async fn an_unknown_route_is_404() {
    let stack = stack();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/open"),
        (Method::GET, "/open/a/b"),
        (Method::POST, "/closed/echo"),
        (Method::GET, "/OPEN/echo"),
        (Method::DELETE, "/routes/echo"),
        (Method::POST, "/routes/echo/"),
        (Method::POST, "//routes/echo"),
        (Method::PUT, "/routes//echo"),
        (Method::POST, "/routes%2fecho"),
    ] {
        let answer = stack.send(stack.request(method, path)).await;
        assert_eq!((answer.status, answer.text("message")), (404, "Not Found"), "{path}");
    }
}

#[tokio::test]
async fn a_failing_function_is_a_masked_500_and_the_next_request_is_served() {
    let stack = stack();
    for failure in ["panic", "error", "exit", "junk", "hang"] {
        let answer = get(&stack, &format!("/open/{failure}")).await;
        assert_masked(&answer);
        assert!(!answer.body.to_string().contains("secret"));
        assert_eq!(get(&stack, "/open/echo").await.status, 200, "after {failure}");
    }
    stack.wait_for_log("MisbehaveFunction ended while it was working");
    stack.wait_for_log("MisbehaveFunction timed out and was killed");
    stack.wait_for_log("MisbehaveFunction failed: ");
}

#[tokio::test]
async fn a_panic_fails_the_request_and_not_the_process() {
    let stack = stack();
    let before = get(&stack, "/open/process").await.body;
    assert_masked(&get(&stack, "/open/panic").await);
    assert_eq!(get(&stack, "/open/process").await.body, before);
}

#[tokio::test]
async fn a_process_that_dies_between_requests_is_replaced() {
    let stack = stack();
    let before = get(&stack, "/open/process").await.body;
    let process = u32::try_from(before.as_u64().unwrap()).unwrap();
    signal_to(process, "KILL");
    wait_for_end(&[process]).await;
    let after = get(&stack, "/open/process").await;
    assert_eq!(after.status, 200);
    assert_ne!(after.body, before);
}

#[tokio::test]
async fn a_function_over_its_timeout_is_killed() {
    let stack = stack();
    let before = get(&stack, "/open/process").await.body;
    assert_masked(&get(&stack, "/open/hang").await);
    let killed = u32::try_from(before.as_u64().unwrap()).unwrap();
    assert!(!latchkey_tests::process::is_running(killed));
    assert_ne!(get(&stack, "/open/process").await.body, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_get_separate_processes_up_to_a_limit() {
    let stack = Arc::new(stack());
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let stack = Arc::clone(&stack);
        requests.spawn(async move { get(&stack, "/open/slow").await });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let processes: HashSet<_> = answers.iter().map(|answer| answer.body.to_string()).collect();
    // On a slow machine the first process is idle again before the last one starts.
    assert!((10..=32).contains(&processes.len()), "{} processes", processes.len());
    assert_eq!(stack.functions().len(), processes.len());
}

#[tokio::test]
async fn a_warm_process_is_reused() {
    let stack = stack();
    let first = get(&stack, "/open/process").await.body;
    for _ in 0..5 {
        assert_eq!(get(&stack, "/open/process").await.body, first);
    }
}

#[tokio::test]
async fn log_lines_have_the_name_of_the_function() {
    let stack = stack();
    get(&stack, "/open/log").await;
    stack.wait_for_log("misbehave | a line from the function");
}

async fn say(stack: &Stack, response: &Value) -> Answer {
    stack.send(stack.request(Method::POST, "/open/say").json(response)).await
}

#[tokio::test]
async fn responses_with_and_without_a_status_are_passed_on() {
    let stack = stack();
    let bare = say(&stack, &json!({ "a": 1 })).await;
    assert_eq!((bare.status, bare.body.clone()), (200, json!({ "a": 1 })));
    assert_eq!(bare.header("content-type"), "application/json");
    let full = json!({
        "statusCode": 201,
        "headers": { "X-A": "1", "x-n": 7 },
        "cookies": ["a=1", "b=2; HttpOnly"],
        "body": "ImhpIg==",
        "isBase64Encoded": true,
    });
    let full = say(&stack, &full).await;
    assert_eq!((full.status, full.header("x-a"), full.header("x-n")), (201, "1", "7"));
    assert_eq!(full.body, "hi");
    let set: Vec<_> = full.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["a=1", "b=2; HttpOnly"]);
    assert_eq!(get(&stack, "/open/else").await.status, 404);
}

#[tokio::test]
async fn a_malformed_response_is_a_masked_500() {
    let stack = stack();
    for response in [
        json!({ "statusCode": "200" }),
        json!({ "statusCode": 99 }),
        json!({ "statusCode": 200, "body": 7 }),
        json!({ "statusCode": 200, "body": "!", "isBase64Encoded": true }),
        json!({ "statusCode": 200, "headers": { "bad name": "x" } }),
        json!({ "statusCode": 200, "headers": { "x": "a\nb" } }),
    ] {
        assert_masked(&say(&stack, &response).await);
    }
}

#[tokio::test]
async fn headers_and_bodies_over_the_limits_are_refused() {
    let stack = stack();
    let with_header = |length: usize| {
        stack.request(Method::GET, "/open/process").header("x-long", "x".repeat(length))
    };
    assert_eq!(stack.send(with_header(9_000)).await.status, 200);
    assert_eq!(stack.send(with_header(10_240)).await.status, 431);
    let with_body = |length: usize| {
        let request = stack.request(Method::POST, "/open/process");
        request.header("content-type", "text/plain").body("x".repeat(length))
    };
    assert_eq!(stack.send(with_body(5_000_000)).await.status, 200);
    assert_eq!(stack.send(with_body(7_000_000)).await.status, 413, "over Lambda's limit");
    assert_eq!(stack.send(with_body(11_000_000)).await.status, 413, "over the gateway's limit");
}
