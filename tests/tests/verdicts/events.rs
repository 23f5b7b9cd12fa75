//! What surfaces are given: events in every shape.

use latchkey_testkit::{
    authorizer_event::{http_api_1, http_api_2, rest_request, rest_token, web_socket},
    event::request,
};
use serde_json::{Value, json};

use crate::{forms::Asked, surfaces::Surface};

/// What a surface is given when a client asks that. `path` is where the request goes, where the
/// surface does not care.
pub(crate) fn event_for(surface: Surface, asked: &Asked, path: &str) -> String {
    let change = |open, change| if asked.is_change { change } else { open };
    match surface {
        Surface::Verifier => String::new(),
        Surface::Guard | Surface::Layer => event(asked, path),
        Surface::HttpApi2
        | Surface::HttpApi1
        | Surface::RestRequest
        | Surface::RestToken
        | Surface::WebSocket => question(surface, asked, path).to_string(),
        Surface::BehindAuthorizer => question(Surface::HttpApi2, asked, path).to_string(),
        Surface::Me => event(asked, change("/me", "/sessions/none")),
        Surface::Protected => event(asked, "/protected"),
        Surface::WorkItems => event(asked, change("/workitems", "/workitems/none")),
    }
}

/// The event of format 2.0, in which a gateway joins the lines of a header by commas.
pub(crate) fn event(asked: &Asked, path: &str) -> String {
    let mut event = request(if asked.is_change { "DELETE" } else { "GET" }, path);
    if !asked.authorization.is_empty() {
        event["headers"]["authorization"] = asked.authorization.join(",").into();
    }
    for (name, value) in &asked.headers {
        event["headers"][*name] = value.clone().into();
    }
    if !asked.cookies.is_empty() {
        event["cookies"] = json!(asked.cookies);
    }
    if !asked.queries.is_empty() {
        event["rawQueryString"] = query_of(&asked.queries).into();
    }
    if let Some(body) = &asked.body {
        event["body"] = body.clone().into();
    }
    event.to_string()
}

/// The query with these values, as a client writes it.
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

/// What an authorizer is asked about the request.
fn question(shape: Surface, asked: &Asked, path: &str) -> Value {
    let value = asked.authorization.join(",");
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
    for (name, value) in &asked.headers {
        event["headers"][*name] = value.clone().into();
    }
    if !asked.cookies.is_empty() {
        event["headers"]["cookie"] = asked.cookies.join("; ").into();
        event["cookies"] = json!(asked.cookies);
    }
    for member in ["rawPath", "path"] {
        event[member] = path.into();
    }
    let Some(query) = asked.queries.first() else { return event };
    event["queryStringParameters"] = json!({ "jwt": query });
    // Format 2.0 says which values are the sources of identity.
    if let Some(sources) = event["identitySource"].as_array_mut() {
        sources.retain(|source| source != "");
        sources.push(query.clone().into());
    }
    event
}
