//! The events for each surface.

use latchkey_testkit::{
    authorizer_event::{http_api_1, http_api_2, rest_request, rest_token, web_socket},
    event::request,
};
use serde_json::{Value, json};

use crate::{forms::ClientRequest, surfaces::Surface};

/// The event for a surface. `path` is the request path for surfaces that accept any path.
pub(crate) fn event_for(surface: Surface, sent: &ClientRequest, path: &str) -> String {
    let change = |open, change| if sent.is_change { change } else { open };
    match surface {
        Surface::Verifier => String::new(),
        Surface::Guard | Surface::Layer => event(sent, path),
        Surface::HttpApi2
        | Surface::HttpApi1
        | Surface::RestRequest
        | Surface::RestToken
        | Surface::WebSocket => authorizer_event(surface, sent, path).to_string(),
        Surface::BehindAuthorizer => authorizer_event(Surface::HttpApi2, sent, path).to_string(),
        Surface::Me => event(sent, change("/me", "/sessions/none")),
        Surface::Protected => event(sent, "/protected"),
        Surface::WorkItems => event(sent, change("/workitems", "/workitems/none")),
    }
}

/// An event of format 2.0, which has repeated headers joined by commas.
pub(crate) fn event(sent: &ClientRequest, path: &str) -> String {
    let mut event = request(if sent.is_change { "DELETE" } else { "GET" }, path);
    if !sent.authorization.is_empty() {
        event["headers"]["authorization"] = sent.authorization.join(",").into();
    }
    for (name, value) in &sent.headers {
        event["headers"][*name] = value.clone().into();
    }
    if !sent.cookies.is_empty() {
        event["cookies"] = json!(sent.cookies);
    }
    if !sent.queries.is_empty() {
        event["rawQueryString"] = query_of(&sent.queries).into();
    }
    if let Some(body) = &sent.body {
        event["body"] = body.clone().into();
    }
    event.to_string()
}

/// The percent-encoded query string with these values of `jwt`.
pub(crate) fn query_of(values: &[String]) -> String {
    let pairs = values.iter().map(|value| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let write = |byte: u8| {
            if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
        };
        format!("jwt={}", value.bytes().map(write).collect::<String>())
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The authorizer event of a request.
fn authorizer_event(shape: Surface, sent: &ClientRequest, path: &str) -> Value {
    let value = sent.authorization.join(",");
    let mut event = match shape {
        Surface::HttpApi1 => http_api_1(&value),
        Surface::RestRequest => rest_request(&value),
        Surface::RestToken => rest_token(&value),
        Surface::WebSocket => web_socket(&value),
        Surface::HttpApi2
        | Surface::Verifier
        | Surface::Guard
        | Surface::Layer
        | Surface::BehindAuthorizer
        | Surface::Me
        | Surface::Protected
        | Surface::WorkItems => http_api_2(&value),
    };
    for member in ["methodArn", "routeArn"] {
        if let Some(arn) = event[member].as_str() {
            let stage = arn.match_indices('/').nth(1).unwrap().0;
            let arn = format!("{}/GET{path}", &arn[..stage]);
            event[member] = arn.into();
        } else {
            event.as_object_mut().unwrap().remove(member);
        }
    }
    if shape == Surface::RestToken {
        return event;
    }
    for (name, value) in &sent.headers {
        event["headers"][*name] = value.clone().into();
    }
    if !sent.cookies.is_empty() {
        event["headers"]["cookie"] = sent.cookies.join("; ").into();
        event["cookies"] = json!(sent.cookies);
    }
    for member in ["rawPath", "path"] {
        event[member] = path.into();
    }
    let Some(query) = sent.queries.first() else { return event };
    event["queryStringParameters"] = json!({ "jwt": query });
    // Format 2.0 has the values of the identity sources.
    if let Some(sources) = event["identitySource"].as_array_mut() {
        sources.retain(|source| source != "");
        sources.push(query.clone().into());
    }
    event
}
