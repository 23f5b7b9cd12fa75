//! From what a function answered to what the client gets.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

/// An answer in the gateway's own words.
pub(super) fn message(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "message": text }).to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// `None` when the function's answer is not one; the client then gets 500.
pub(super) fn to_response(answer: &[u8]) -> Option<Response<Body>> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    // Without a status, any JSON is the body of a success (format 2.0).
    if value.get("statusCode").is_none() {
        let mut response = Response::new(Body::from(value.to_string()));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        return Some(response);
    }
    let answer: Answer = serde_json::from_value(value).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    for (name, value) in answer.headers.unwrap_or_default() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        response.headers_mut().append(name, HeaderValue::try_from(text).ok()?);
    }
    for cookie in answer.cookies {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_answer_becomes_status_headers_cookies_and_body() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"X-A": "1", "x-n": 7},
            "cookies": ["a=1", "b=2"],
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        let response = to_response(answer.to_string().as_bytes()).unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["x-a"], "1");
        assert_eq!(response.headers()["x-n"], "7");
        assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().count(), 2);
    }

    #[test]
    fn json_without_a_status_is_the_body_of_a_success() {
        let response = to_response(br#"{"a":1}"#).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    }

    #[test]
    fn anything_else_is_no_answer() {
        for answer in [
            "",
            "{",
            r#"{"statusCode":"200"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"body":7}"#,
            r#"{"statusCode":200,"body":"!","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":{"bad name":"x"}}"#,
            r#"{"statusCode":200,"headers":{"x":"a\nb"}}"#,
        ] {
            assert!(to_response(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}
