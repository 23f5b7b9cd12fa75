//! CORS, which the gateway answers itself when the API has settings for it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts},
};

use super::Cors;

/// The origin of a page that may call.
fn allowed_origin<'a>(cors: &Cors, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    cors.allow_origins
        .iter()
        .any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// The answer to a browser's question whether it may call.
pub(super) fn preflight(cors: &Cors, parts: &Parts) -> Option<Response<Body>> {
    let asks = parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    add_headers(cors, &parts.headers, response.headers_mut());
    if response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_HEADERS, cors.allow_headers.join(",")),
            (header::ACCESS_CONTROL_ALLOW_METHODS, cors.allow_methods.join(",")),
            (header::ACCESS_CONTROL_MAX_AGE, cors.max_age.to_string()),
        ] {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    Some(response)
}

/// Names the origin that may read the answer; whatever the function said of CORS is replaced.
pub(super) fn add_headers(cors: &Cors, request: &HeaderMap, response: &mut HeaderMap) {
    response.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if let Some(origin) = allowed_origin(cors, request) {
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if cors.allow_credentials {
            let allowed = HeaderValue::from_static("true");
            response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, allowed);
        }
        if let Ok(exposed) = HeaderValue::try_from(cors.expose_headers.join(","))
            && !exposed.is_empty()
        {
            response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        response.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
