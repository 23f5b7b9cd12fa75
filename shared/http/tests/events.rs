//! Parsing of proxy events.
#![cfg(test)]

use std::cell::RefCell;

use lambda_http::Request;
use latchkey_http::{GatewayAnswer, HttpSettings, RequestContext, answer_with, empty};
use latchkey_testkit::event::{post_text, request};
use serde_json::{Value, json};

/// The request that the handler gets, or the response if it gets none.
fn handled(event: &Value, base_path: &str) -> Result<Request, GatewayAnswer> {
    let seen = RefCell::new(None);
    let handle = async |request: &Request| {
        seen.replace(Some(request.clone()));
        Ok(empty())
    };
    let settings = HttpSettings { base_path: base_path.to_owned(), ..HttpSettings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = runtime.block_on(answer_with(&settings, &event.to_string(), &handle));
    seen.take().ok_or(answer)
}

fn parsed(event: &Value, base_path: &str) -> Request {
    handled(event, base_path).unwrap_or_else(|answer| panic!("{answer:?}: {event}"))
}

fn path(event: &Value, base_path: &str) -> String {
    parsed(event, base_path).uri().path().to_owned()
}

/// The event with the value at a JSON pointer replaced.
fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    *event.pointer_mut(pointer).unwrap() = value;
    event
}

/// JSON values of every type.
fn json_values() -> [Value; 9] {
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
fn optional_members_may_have_any_type() {
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
        for kind in json_values() {
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
        for kind in json_values() {
            if pointer == "/isBase64Encoded" && kind == true {
                continue;
            }
            assert_eq!(path(&with(event.clone(), pointer, kind), ""), "/login", "{pointer}");
        }
    }
}

#[test]
fn an_invalid_header_or_cookie_does_not_affect_others() {
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
fn a_refusal_has_the_request_id_of_the_event() {
    let event = post_text("/login", "{}");
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
        let answer = handled(&event, "").unwrap_err();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            (&body["error"], &body["request_id"]),
            (&json!("invalid_request"), &json!("request-1")),
            "{event}"
        );
    }
}

#[test]
fn decoded_and_encoded_paths_are_equal() {
    let path = |raw: &str| path(&with(request("GET", "/"), "/rawPath", raw.into()), "");
    for (decoded, raw) in [
        ("/sessions/a b", "/sessions/a%20b"),
        ("/sessions/<\">", "/sessions/%3C%22%3E"),
        ("/sessions/ä€", "/sessions/%C3%A4%E2%82%AC"),
        ("/sessions/a?b#c", "/sessions/a%3Fb%23c"),
        ("/sessions/[{|}]\\^`", "/sessions/%5B%7B%7C%7D%5D%5C%5E%60"),
        ("/sessions/100%", "/sessions/100%25"),
        ("/sessions/5%zz", "/sessions/5%25zz"),
        ("/sessions/\u{0}\n\u{7f}", "/sessions/%00%0A%7F"),
        ("/me", "/%6D%65"),
        ("/a-b.c_d~e", "/a%2Db%2ec%5Fd%7ee"),
        ("/!$&'()*+,;=:@", "/!$&'()*+,;=:@"),
    ] {
        let expected = path(decoded);
        assert_eq!(path(raw), expected, "{decoded}");
        assert_eq!(path(&expected), expected, "{decoded}");
    }
    assert_eq!(path("/a%2fb%c3%a4"), "/a%2Fb%C3%A4");
    for (query, expected) in [
        ("keep=a b&x=<ä>", "keep=a%20b&x=%3C%C3%A4%3E"),
        ("a=1&b=%41+c?/d ä<", "a=1&b=%41+c?/d%20%C3%A4%3C"),
    ] {
        let mut event = request("GET", "/me");
        event["rawQueryString"] = query.into();
        assert_eq!(parsed(&event, "").uri().query(), Some(expected));
    }
}

#[test]
fn a_base_path_and_a_named_stage_are_removed() {
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
        ("/v12/auth", "$default", "/v1", "/v12/auth", ""),
        ("/v1", "$default", "/v1", "/v1", ""),
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
