//! Events of format 2.0, built from HTTP requests.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::routes::RouteMatch;

/// The members that events of functions and of authorizers have in common.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestEvent {
    version: &'static str,
    route_key: String,
    raw_path: String,
    raw_query_string: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    pub(super) headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: BTreeMap<String, String>,
    request_context: Value,
}

impl RequestEvent {
    pub(super) fn new(parts: &Parts, client: SocketAddr, matched: RouteMatch<'_>) -> Self {
        let mut headers = joined_headers(&parts.headers);
        let cookies = headers.remove("cookie").map_or_else(Vec::new, |cookies| {
            cookies.split(';').map(|cookie| cookie.trim().to_owned()).collect()
        });
        let address = client.ip().to_string();
        headers
            .entry("x-forwarded-for".to_owned())
            .and_modify(|proxies| *proxies = format!("{proxies}, {address}"))
            .or_insert_with(|| address.clone());
        headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
        let route_key = format!("{} {}", matched.route.method, matched.route.path);
        let query = parts.uri.query().unwrap_or_default();
        let decoded_query = form_urlencoded::parse(query.as_bytes());
        Self {
            version: "2.0",
            request_context: request_context(parts, &headers, &address, &route_key),
            route_key,
            raw_path: decoded(parts.uri.path()),
            raw_query_string: query.to_owned(),
            cookies,
            headers,
            query_string_parameters: joined(
                decoded_query.map(|(name, value)| (name.into(), value.into(), ",")),
            ),
            path_parameters: matched
                .parameters
                .into_iter()
                .map(|(name, value)| (name, decoded(&value)))
                .collect(),
        }
    }

    /// The event of a Lambda authorizer.
    pub(super) fn authorizer_event(&self, identity: &[String]) -> Vec<u8> {
        let method = self.request_context.pointer("/http/method").and_then(Value::as_str);
        let route_arn = format!(
            "arn:aws:execute-api:us-east-1:123456789012:local/$default/{}{}",
            method.unwrap_or_default(),
            self.raw_path
        );
        let more = json!({ "type": "REQUEST", "identitySource": identity, "routeArn": route_arn });
        self.with(more)
    }

    /// The event of the route's function.
    pub(super) fn proxy_event(
        mut self,
        body: &[u8],
        authorizer_context: Option<Map<String, Value>>,
    ) -> Vec<u8> {
        if let (Some(context), Some(request_context)) =
            (authorizer_context, self.request_context.as_object_mut())
        {
            request_context.insert("authorizer".to_owned(), json!({ "lambda": context }));
        }
        if body.is_empty() {
            return self.with(json!({ "isBase64Encoded": false }));
        }
        let is_text = self.headers.get("content-type").is_some_and(|value| is_text_type(value));
        self.with(match std::str::from_utf8(body) {
            Ok(text) if is_text => json!({ "body": text, "isBase64Encoded": false }),
            _ => json!({ "body": BASE64_STANDARD.encode(body), "isBase64Encoded": true }),
        })
    }

    fn with(&self, more: Value) -> Vec<u8> {
        #[derive(Serialize)]
        struct ExtendedEvent<'a> {
            #[serde(flatten)]
            shared: &'a RequestEvent,
            #[serde(flatten)]
            more: Value,
        }
        serde_json::to_vec(&ExtendedEvent { shared: self, more }).unwrap_or_default()
    }
}

/// Decodes a path, as API Gateway does even for `rawPath`.
fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// The headers with lower-case names, repeated ones joined. Invalid UTF-8 is replaced.
fn joined_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    joined(headers.iter().map(|(name, value)| {
        let separator = if name == header::COOKIE { "; " } else { "," };
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned(), separator)
    }))
}

/// Collects pairs into a map and joins the values of a repeated name with the separator.
fn joined(pairs: impl Iterator<Item = (String, String, &'static str)>) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value, separator) in pairs {
        joined
            .entry(name)
            .and_modify(|all| *all = format!("{all}{separator}{value}"))
            .or_insert(value);
    }
    joined
}

/// Whether the event has bodies of this type as text. All others are base64.
fn is_text_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"]
            .contains(&essence.as_str())
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

#[expect(clippy::disallowed_methods, reason = "the gateway stamps requests with the real time")]
fn request_context(
    parts: &Parts,
    headers: &BTreeMap<String, String>,
    address: &str,
    route_key: &str,
) -> Value {
    let now = SystemTime::now();
    let millis = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis());
    let format =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let host = headers.get("host").map_or("", String::as_str);
    json!({
        "accountId": "123456789012",
        "apiId": "local",
        "domainName": host.rsplit_once(':').map_or(host, |(name, _)| name),
        "domainPrefix": "local",
        "http": {
            "method": parts.method.as_str(),
            "path": decoded(parts.uri.path()),
            "protocol": "HTTP/1.1",
            "sourceIp": address,
            "userAgent": headers.get("user-agent").map_or("", String::as_str),
        },
        "requestId": request_id(),
        "routeKey": route_key,
        "stage": "$default",
        "time": OffsetDateTime::from(now).format(format).unwrap_or_default(),
        "timeEpoch": u64::try_from(millis).unwrap_or_default(),
    })
}

/// A request id in API Gateway's format.
fn request_id() -> String {
    latchkey_token::OperationId::generate().map_or_else(
        |_| "local".to_owned(),
        |id| format!("{}=", id.as_str().get(..15).unwrap_or("")),
    )
}
