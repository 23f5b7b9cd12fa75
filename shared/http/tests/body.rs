//! Accepted and refused JSON bodies.
#![cfg(test)]

use lambda_http::{
    Body, Request,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use latchkey_http::JsonBody;

const MAX_BODY_BYTES: usize = 16 * 1024;

fn request(body: impl Into<Body>, content_type: &str) -> Request {
    let mut request = Request::new(body.into());
    request.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
    request
}

fn status(body: impl Into<Body>, content_type: &str) -> u16 {
    JsonBody::parse(&request(body, content_type))
        .map_or_else(|e| e.kind().status().as_u16(), |_| 200)
}

#[test]
fn the_content_type_is_json_and_the_only_charset_is_utf8() {
    for accepted in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json; charset=utf8",
        "application/json; CHARSET=Utf8 ",
        "application/json; charset=\"ut\\f-8\"",
        "application/json;",
        " application/json ;\t; ;",
        "application/json; charset=utf-8;",
        "application/json; v=1",
        "application/json; v=\"a;b, c\\\"d\"; charset=utf-8",
        "application/json; profile=\"https://example.com/\"",
    ] {
        assert_eq!(status("{}", accepted), 200, "{accepted}");
    }
    for refused in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
        "application/jsonx",
        "application/problem+json",
        "application/json; charset=utf-16",
        "application/json; charset=\"utf-16\"",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset = utf-8",
        "application/json; =utf-8",
        "application/json; v=a b",
        "application/json; v=\"a",
        "application/json, text/plain",
        "application/json charset=utf-8",
    ] {
        assert_eq!(status("{}", refused), 415, "{refused}");
    }
    assert_eq!(JsonBody::parse(&Request::new("{}".into())).unwrap_err().kind().status(), 415);
}

#[test]
fn a_compressed_body_is_never_inflated() {
    let mut compressed = request("{}", "application/json");
    for (coding, is_plain) in
        [("gzip", false), ("identity, br", false), ("Identity", true), ("", true)]
    {
        compressed.headers_mut().insert(CONTENT_ENCODING, coding.parse().unwrap());
        assert_eq!(JsonBody::parse(&compressed).is_ok(), is_plain, "{coding}");
    }
}

#[test]
fn a_body_over_16_kib_is_refused_before_it_is_parsed() {
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES - 8));
    assert_eq!(body.len(), MAX_BODY_BYTES);
    assert_eq!(status(format!("{body} "), "application/json"), 413);
    assert_eq!(status(body, "application/json"), 200);
    assert_eq!(status("[".repeat(MAX_BODY_BYTES + 1), "text/plain"), 413);
}

#[test]
fn anything_but_one_object_without_repeated_members_is_refused() {
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for body in [
        "",
        "null",
        "[]",
        "\"x\"",
        "1",
        "true",
        "{",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":1}{}",
        "\u{feff}{}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a\":\"\\ud800\"}",
        "// x\n{}",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":1}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        &deep,
    ] {
        assert_eq!(status(body, "application/json"), 400, "{body:.60}");
    }
    assert_eq!(status(b"{\"a\":\"\xff\"}".to_vec(), "application/json"), 400);
    assert_eq!(
        status(
            "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
            "application/json"
        ),
        400
    );
}

#[test]
fn missing_and_empty_credentials_get_one_error_and_wrong_types_another() {
    for (body, sentence) in [
        ("{}", "Missing username or password"),
        (r#"{"username":"a"}"#, "Missing username or password"),
        (r#"{"username":"a","password":""}"#, "Missing username or password"),
        (r#"{"Username":"a","PASSWORD":"b"}"#, "Missing username or password"),
        (r#"{"username":1,"password":"b"}"#, "username must be a string"),
        (r#"{"username":"a","password":["b"]}"#, "password must be a string"),
        (r#"{"username":"a","password":null}"#, "password must be a string"),
    ] {
        let refusal = JsonBody::parse(&request(body, "application/json")).unwrap();
        assert_eq!(refusal.credentials().unwrap_err().message(), sentence, "{body}");
    }
}
