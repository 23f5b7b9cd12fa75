//! What is read of events, and what is not.

use latchkey_testkit::event::{post_text, request};
use serde_json::{Value, json};

use super::*;

fn parsed(event: &Value, base_path: &str) -> Request {
    let (request, outcome) = parse_event(&event.to_string(), base_path);
    outcome.unwrap_or_else(|error| panic!("{error:?}: {event}"));
    request
}

fn path(event: &Value, base_path: &str) -> String {
    parsed(event, base_path).uri().path().to_owned()
}

/// The event with another member, at that pointer.
fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// JSON of every kind.
fn kinds() -> [Value; 9] {
    [
        Value::Null,
        json!(true),
        json!(7),
        json!(-1.5e300),
        json!("x"),
        json!("\u{0}ä\u{1f512}"),
        json!([]),
        json!([null, 7, ["x"], {}]),
        json!({ "x": [null], "": 7, "bad name": "x", "y": { "z": "x" } }),
    ]
}

#[test]
fn a_member_that_is_not_needed_may_be_anything() {
    let event = post_text("/login", "{}");
    let event = with(
        event,
        "/requestContext",
        json!({
            "http": { "method": "POST", "sourceIp": "192.0.2.1", "userAgent": "x" },
            "requestId": "r", "domainName": "d", "stage": "$default", "time": "t",
            "authorizer": { "lambda": { "sub": "x" }, "jwt": { "claims": {} }, "iam": {} },
        }),
    );
    for name in ["cookies", "queryStringParameters", "pathParameters", "stageVariables"] {
        for kind in kinds() {
            let mut event = event.clone();
            event[name] = kind;
            assert_eq!(path(&event, ""), "/login", "{event}");
        }
    }
    for pointer in [
        "/version",
        "/routeKey",
        "/rawQueryString",
        "/headers",
        "/headers/host",
        "/headers/user-agent",
        "/isBase64Encoded",
        "/requestContext/http/sourceIp",
        "/requestContext/requestId",
        "/requestContext/domainName",
        "/requestContext/stage",
        "/requestContext/authorizer",
        "/requestContext/authorizer/lambda",
        "/requestContext/authorizer/lambda/sub",
        "/requestContext/authorizer/jwt",
    ] {
        for kind in kinds() {
            if pointer == "/isBase64Encoded" && kind == true {
                continue;
            }
            assert_eq!(path(&with(event.clone(), pointer, kind), ""), "/login", "{pointer}");
        }
    }
}

#[test]
fn an_odd_header_or_cookie_costs_itself_alone() {
    let mut event = request("GET", "/me");
    event["headers"] = json!({
        "Authorization": "Bearer x", "x-null": null, "x-number": 7, "x-list": ["x"],
        "x-object": {}, "bad name": "x", "": "x", "ü": "x", "x-control": "a\u{1}b\r\nc: d",
        "x-tab": "a\tb", "x-long": "x".repeat(100_000), "x-text": "grüße",
    });
    event["cookies"] = json!(["a=b", null, 7, "c=\u{1}\u{e9}", ["x"], "d=e"]);
    let request = parsed(&event, "");
    let headers = request.headers();
    assert_eq!(headers["authorization"], "Bearer x");
    for name in ["x-null", "x-number", "x-list", "x-object", "c"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["x-text"].as_bytes(), "grüße".as_bytes());
    assert_eq!(headers["cookie"].as_bytes(), "a=b; c=\u{fffd}\u{e9}; d=e".as_bytes());
}

#[test]
fn a_refusal_names_the_request_if_the_event_does() {
    let event = post_text("/auth", "{}");
    let mut bad_base64 = with(event.clone(), "/isBase64Encoded", true.into());
    bad_base64["body"] = "!".into();
    for event in [
        bad_base64,
        with(event.clone(), "/rawPath", "http://evil.example/".into()),
        with(event.clone(), "/rawPath", "".into()),
        with(event.clone(), "/rawPath", 7.into()),
        with(event.clone(), "/requestContext/http/method", "a b".into()),
        with(event.clone(), "/requestContext/http/method", Value::Null),
        with(event.clone(), "/requestContext/http", Value::Null),
    ] {
        let (request, outcome) = parse_event(&event.to_string(), "");
        assert_eq!(outcome.unwrap_err().kind().code(), "invalid_request");
        assert_eq!(RequestContext::of(&request).request_id, "request-1", "{event}");
    }
}

#[test]
fn a_path_is_the_same_decoded_and_encoded() {
    for (decoded, raw) in
        [("/sessions/a b", "/sessions/a%20b"), ("/sessions/ä", "/sessions/%c3%a4")]
    {
        let event = |path: &str| with(request("DELETE", "/sessions"), "/rawPath", path.into());
        assert_eq!(path(&event(decoded), ""), path(&event(raw), ""));
    }
    let mut event = request("GET", "/me");
    event["rawQueryString"] = "keep=a b&x=<ä>".into();
    assert_eq!(parsed(&event, "").uri().query(), Some("keep=a%20b&x=%3C%C3%A4%3E"));
}

#[test]
fn a_base_path_and_a_named_stage_are_cut_off() {
    let event = |path: &str, stage: &str| {
        let event = request("GET", path);
        with(event, "/requestContext/stage", stage.into())
    };
    for (raw, stage, base_path, expected, cut) in [
        ("/auth/protected", "$default", "/auth", "/protected", "/auth"),
        ("/auth/auth", "$default", "/auth", "/auth", "/auth"),
        ("/auth", "$default", "/auth", "/auth", ""),
        ("/auth/", "$default", "/auth", "/", "/auth"),
        ("/authors", "$default", "/auth", "/authors", ""),
        ("/protected", "$default", "/auth", "/protected", ""),
        ("/a/b/me", "$default", "/a/b", "/me", "/a/b"),
        ("/v1/auth", "v1", "", "/auth", "/v1"),
        ("/v1/me", "v1", "/auth", "/me", "/v1"),
        ("/auth/me", "v1", "/auth", "/me", "/auth"),
        ("/me", "v1", "", "/me", ""),
        ("/$default/me", "$default", "", "/$default/me", ""),
    ] {
        let event = event(raw, stage);
        assert_eq!(path(&event, base_path), expected, "{raw}");
        assert_eq!(RequestContext::of(&parsed(&event, base_path)).base_path, cut, "{raw}");
    }
}
