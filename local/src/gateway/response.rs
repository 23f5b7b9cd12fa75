//! HTTP responses, built from the responses of functions.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// An error response of the gateway itself.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    (status, JSON, json!({ "message": text }).to_string()).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GatewayResponse {
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

/// Parses a function's response; `None` for a malformed one, which the gateway answers with 500.
pub(super) fn to_response(response: &[u8]) -> Option<Response> {
    let value: Value = serde_json::from_slice(response).ok()?;
    // In format 2.0, JSON without a status is the body of a 200.
    if value.get("statusCode").is_none() {
        return Some((JSON, value.to_string()).into_response());
    }
    let GatewayResponse { status_code, headers, cookies, body, is_base64_encoded } =
        serde_json::from_value(value).ok()?;
    let body = body.unwrap_or_default();
    let body =
        if is_base64_encoded { BASE64_STANDARD.decode(body).ok()? } else { body.into_bytes() };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status_code).ok()?;
    for (name, value) in headers.unwrap_or_default() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        response.headers_mut().append(name, HeaderValue::try_from(text).ok()?);
    }
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(response)
}
