//! Responses.

use lambda_http::{
    Body, Response,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
    },
};
use latchkey_token::Timestamp;
use serde::Serialize;

use crate::ApiError;

/// One year in seconds, the minimum of OWASP ASVS 3.4.1.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A response with a JSON body and `Content-Type: application/json`.
///
/// # Errors
/// 500 [`Internal`](crate::ErrorKind::Internal) if `body` does not serialise to JSON.
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let text = serde_json::to_string(body).map_err(ApiError::internal)?;
    Ok(json_response(status, text))
}

/// 204 without a body.
pub fn empty() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

pub(crate) fn json_response(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Adds the headers of every response: `X-Content-Type-Options: nosniff`,
/// `Strict-Transport-Security` for one year, and `Cache-Control: no-store` unless the response sets
/// `Cache-Control` itself. [`run`](crate::run) calls it.
pub fn add_common_headers(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// A time as the API writes it: RFC 3339 in UTC, such as `2023-11-14T22:13:20Z`. Empty after the
/// year 9999.
pub fn rfc3339(moment: Timestamp) -> String {
    moment.to_rfc3339().unwrap_or_default()
}
