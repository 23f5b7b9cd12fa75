//! Answers.

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

/// A year, as OWASP ASVS 3.4.1 asks for.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// An answer with a JSON body.
///
/// # Errors
/// `internal` when `body` cannot be written as JSON.
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let text = serde_json::to_string(body).map_err(ApiError::internal)?;
    Ok(json_response(status, text))
}

/// An answer without a body: 204.
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

/// What every answer carries. An answer that says nothing of caches is kept out of them.
pub fn add_common_headers(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// A moment as the API writes it: RFC 3339, in UTC.
pub fn rfc3339(moment: Timestamp) -> String {
    moment.to_rfc3339().unwrap_or_default()
}
