//! Events of format 2.0, made from requests.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, macros::format_description};

use super::routes::Match;

/// A request as the gateway describes it to functions.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    query: BTreeMap<String, String>,
    raw_path: String,
    raw_query: String,
    path_parameters: BTreeMap<String, String>,
    route_key: String,
    context: Value,
    is_text: bool,
}

impl Incoming {
    pub(super) fn new(parts: &Parts, client: SocketAddr, matched: &Match<'_>) -> Self {
        let mut headers = joined_headers(&parts.headers);
        let cookies = headers.remove("cookie").map_or_else(Vec::new, |cookies| {
            cookies.split(';').map(|cookie| cookie.trim().to_owned()).collect()
        });
        let address = client.ip().to_string();
        let forwarded = headers.get("x-forwarded-for");
        let forwarded =
            forwarded.map_or_else(|| address.clone(), |given| format!("{given}, {address}"));
        headers.insert("x-forwarded-for".to_owned(), forwarded);
        headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
        let route_key = format!("{} {}", matched.route.method, matched.route.path);
        Self {
            context: request_context(parts, &headers, &address, &route_key),
            is_text: headers.get("content-type").is_some_and(|value| is_text_type(value)),
            headers,
            cookies,
            query: joined_query(parts.uri.query().unwrap_or_default()),
            raw_path: decoded(parts.uri.path()),
            raw_query: parts.uri.query().unwrap_or_default().to_owned(),
            path_parameters: matched
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), decoded(value)))
                .collect(),
            route_key,
        }
    }

    /// What a Lambda authorizer is asked.
    pub(super) fn authorizer_event(&self, identity: &[String]) -> Vec<u8> {
        let mut event = self.common();
        event.insert("type".to_owned(), "REQUEST".into());
        event.insert("identitySource".to_owned(), json!(identity));
        event.insert(
            "routeArn".to_owned(),
            format!(
                "arn:aws:execute-api:us-east-1:123456789012:local/$default/{}{}",
                self.context.pointer("/http/method").and_then(Value::as_str).unwrap_or_default(),
                self.raw_path
            )
            .into(),
        );
        Value::Object(event).to_string().into_bytes()
    }

    /// What the function of the route is given.
    pub(super) fn proxy_event(
        &self,
        body: &[u8],
        authorizer_context: Option<&Map<String, Value>>,
    ) -> Vec<u8> {
        let mut event = self.common();
        if let (Some(context), Some(request_context)) =
            (authorizer_context, event.get_mut("requestContext").and_then(Value::as_object_mut))
        {
            request_context.insert("authorizer".to_owned(), json!({ "lambda": context }));
        }
        let text = std::str::from_utf8(body).ok().filter(|_| self.is_text);
        if !body.is_empty() {
            let content = text.map_or_else(|| BASE64_STANDARD.encode(body), str::to_owned);
            event.insert("body".to_owned(), content.into());
        }
        let is_encoded = !body.is_empty() && text.is_none();
        event.insert("isBase64Encoded".to_owned(), is_encoded.into());
        Value::Object(event).to_string().into_bytes()
    }

    fn common(&self) -> Map<String, Value> {
        let mut event = Map::new();
        let mut insert = |name: &str, value: Value| event.insert(name.to_owned(), value);
        insert("version", "2.0".into());
        insert("routeKey", self.route_key.as_str().into());
        insert("rawPath", self.raw_path.as_str().into());
        insert("rawQueryString", self.raw_query.as_str().into());
        insert("headers", json!(self.headers));
        insert("requestContext", self.context.clone());
        if !self.cookies.is_empty() {
            insert("cookies", json!(self.cookies));
        }
        if !self.query.is_empty() {
            insert("queryStringParameters", json!(self.query));
        }
        if !self.path_parameters.is_empty() {
            insert("pathParameters", json!(self.path_parameters));
        }
        event
    }
}

/// A path as API Gateway hands it on, in spite of the name `rawPath`.
fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// Headers in lower case, those that were repeated joined by commas; bytes that are not UTF-8 are
/// replaced.
fn joined_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let separator = if name == header::COOKIE { "; " } else { "," };
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|all| {
                all.push_str(separator);
                all.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

fn joined_query(query: &str) -> BTreeMap<String, String> {
    let decode =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut joined = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        joined
            .entry(decode(name))
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert_with(|| value.clone());
    }
    joined
}

/// Bodies of these types are handed on as text, all others as base64.
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

/// A name for the request, in the form that API Gateway's have.
fn request_id() -> String {
    latchkey_token::OperationId::generate().map_or_else(
        |_| "local".to_owned(),
        |id| format!("{}=", id.as_str().get(..15).unwrap_or("")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(decoded("/a%20b/%C3%A4%3c%252F"), "/a b/ä<%2F");
    }

    #[test]
    fn repeated_headers_are_joined_by_commas_and_cookies_by_semicolons() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-a", "1"), ("x-a", "2"), ("cookie", "a=1"), ("cookie", "b=2")] {
            headers.append(name, value.parse().unwrap());
        }
        let joined = joined_headers(&headers);
        assert_eq!(joined["x-a"], "1,2");
        assert_eq!(joined["cookie"], "a=1; b=2");
    }

    #[test]
    fn repeated_query_parameters_are_decoded_and_joined() {
        let joined = joined_query("a=1&b=x%20y+z&a=%C3%A4&c");
        assert_eq!(joined["a"], "1,ä");
        assert_eq!(joined["b"], "x y z");
        assert_eq!(joined["c"], "");
    }

    #[test]
    fn only_text_types_are_handed_on_as_text() {
        for text in ["application/json", "Application/JSON; charset=utf-8", "text/html", "a/b+json"]
        {
            assert!(is_text_type(text), "{text}");
        }
        for binary in ["application/x-www-form-urlencoded", "image/png", ""] {
            assert!(!is_text_type(binary), "{binary}");
        }
    }
}
