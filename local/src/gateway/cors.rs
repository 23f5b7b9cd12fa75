//! CORS, which the gateway handles itself if the API has CORS settings.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};

use crate::template::Cors;

fn allowed_origin<'a>(cors: &Cors, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    cors.allow_origins
        .iter()
        .any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// The response to a preflight request; `None` for any other request.
pub(super) fn preflight(cors: &Cors, parts: &Parts) -> Option<Response> {
    let is_preflight = parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    add_headers(cors, &parts.headers, headers);
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        insert(headers, header::ACCESS_CONTROL_ALLOW_HEADERS, cors.allow_headers.join(","));
        insert(headers, header::ACCESS_CONTROL_ALLOW_METHODS, cors.allow_methods.join(","));
        insert(headers, header::ACCESS_CONTROL_MAX_AGE, cors.max_age.to_string());
    }
    Some(response)
}

/// Replaces the function's CORS headers by those of the API.
pub(super) fn add_headers(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    response.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if let Some(origin) = allowed_origin(cors, request) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if cors.allow_credentials {
            insert(response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true".to_owned());
        }
        if !cors.expose_headers.is_empty() {
            insert(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, cors.expose_headers.join(","));
        }
        response.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
