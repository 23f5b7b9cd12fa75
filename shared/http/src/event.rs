//! The proxy event of an API Gateway HTTP API, payload format 2.0.
//!
//! `lambda_http` parses the same event, but panics on bad base64 and on malformed `Host` headers,
//! and fails on anything that is not an event. Here every payload becomes a request or an error
//! response.

use std::{borrow::Cow, collections::HashMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    Body, Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header::COOKIE},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::{
    ApiError, Lenient,
    path::{below, encoded},
};

/// What API Gateway says about a request: an extension of the request that clients cannot forge,
/// unlike headers. It is the only source of the client's address.
#[derive(Clone, Default)]
pub struct RequestContext {
    /// API Gateway's id of the request, for logs and error bodies.
    pub request_id: String,
    /// The client's IP address: `requestContext.http.sourceIp`, or what the trusted edge says.
    pub source_ip: String,
    /// The host name that the client called, such as `api.example.com`.
    pub domain_name: String,
    /// The prefix that was removed from the path: the base path of a custom domain, or the stage.
    pub base_path: String,
    /// The string members of the Lambda authorizer's context; `None` without an authorizer.
    pub authorizer: Option<HashMap<String, String>>,
}

/// Prints the request id only, no personal data.
impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl RequestContext {
    /// The context of `request`; the empty context if it did not come through API Gateway.
    pub fn of<B>(request: &lambda_http::http::Request<B>) -> Cow<'_, Self> {
        request.extensions().get().map_or_else(|| Cow::Owned(Self::default()), Cow::Borrowed)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow, default)]
    raw_path: Lenient<Text<'a>>,
    #[serde(borrow, default)]
    raw_query_string: Lenient<Text<'a>>,
    #[serde(default)]
    headers: Lenient<Headers>,
    #[serde(default)]
    cookies: Lenient<Vec<Lenient<String>>>,
    #[serde(default)]
    body: Lenient<String>,
    #[serde(default)]
    is_base64_encoded: Lenient<bool>,
    #[serde(default)]
    request_context: Lenient<EventContext>,
}

/// Deserialised straight into a `HeaderMap`: headers are a large part of the cost of an event.
struct Headers(HeaderMap);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Headers, A::Error> {
        let mut map = HeaderMap::with_capacity(16);
        while let Some((Text(name), value)) =
            members.next_entry::<Text<'de>, Lenient<Text<'de>>>()?
        {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Some(Text(value))) = (name, value.get()) {
                map.append(name, header_value(&value));
            }
        }
        Ok(Headers(map))
    }
}

/// Converts text to a header value. Control characters, which a value cannot hold, become U+FFFD,
/// which no token contains.
pub fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let is_odd = |character: char| character.is_ascii_control() && character != '\t';
        let text = text.replace(is_odd, "\u{fffd}");
        HeaderValue::from_bytes(text.as_bytes()).unwrap_or(HeaderValue::from_static(""))
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EventContext {
    http: Lenient<HttpContext>,
    request_id: Lenient<String>,
    domain_name: Lenient<String>,
    stage: Lenient<String>,
    authorizer: Lenient<AuthorizerContext>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HttpContext {
    method: Lenient<String>,
    source_ip: Lenient<String>,
}

/// The context of Latchkey's authorizer holds strings only. Other members are ignored.
#[derive(Deserialize)]
struct AuthorizerContext {
    lambda: HashMap<String, Lenient<String>>,
}

/// Converts an event to a request, as far as possible, and removes `base_path` from its path.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for anything that is not an
/// event of an HTTP API, and for malformed base64, path or method. Other malformed members are
/// ignored.
pub(crate) fn parse_event(json: &str, base_path: &str) -> (Request, Result<(), ApiError>) {
    let mut request = Request::default();
    let outcome = fill(&mut request, json, base_path);
    (request, outcome)
}

fn fill(request: &mut Request, json: &str, base_path: &str) -> Result<(), ApiError> {
    const NO_EVENT: &str = "The event is not one of an API Gateway HTTP API (format 2.0)";
    let event: Event<'_> = serde_json::from_str(json).map_err(|_| invalid(NO_EVENT))?;
    let context = event.request_context.get().unwrap_or_default();
    let http = context.http.get().unwrap_or_default();
    let path = event.raw_path.get().map(|Text(path)| path);
    let is_path = path.as_ref().is_some_and(|path| path.starts_with('/'));
    let path = encoded(path.as_deref().unwrap_or_default(), false);
    let stage = context.stage.get();
    let inner = inner_path(&path, stage.as_deref(), base_path);
    request.extensions_mut().insert(RequestContext {
        request_id: context.request_id.get().unwrap_or_default(),
        source_ip: http.source_ip.get().unwrap_or_default(),
        domain_name: context.domain_name.get().unwrap_or_default(),
        base_path: path.strip_suffix(inner).unwrap_or(&path).to_owned(),
        authorizer: context.authorizer.get().map(strings_only),
    });
    let method = http.method.get().ok_or_else(|| invalid(NO_EVENT))?;
    *request.method_mut() = Method::from_bytes(method.as_bytes())
        .map_err(|_| invalid("The request's method is malformed"))?;
    // An absolute URI would let a client choose the host; API Gateway sends paths only.
    let query = event.raw_query_string.get().filter(|Text(query)| !query.is_empty());
    let uri = query.map_or_else(
        || inner.to_owned(),
        |Text(query)| format!("{inner}?{}", encoded(&query, true)),
    );
    *request.uri_mut() = Some(uri)
        .filter(|_| is_path)
        .and_then(|uri| uri.parse().ok())
        .ok_or_else(|| invalid("The request's path is malformed"))?;
    if let Some(Headers(headers)) = event.headers.get() {
        *request.headers_mut() = headers;
    }
    let cookies = event.cookies.get().unwrap_or_default();
    let cookies: Vec<_> = cookies.into_iter().filter_map(Lenient::get).collect();
    if !cookies.is_empty() {
        request.headers_mut().insert(COOKIE, header_value(&cookies.join("; ")));
    }
    *request.body_mut() =
        body(event.body.get(), event.is_base64_encoded.get().unwrap_or_default())?;
    Ok(())
}

/// The path without the base path of a custom domain or the stage. API Gateway leaves the name of
/// every stage but `$default` in front of the path.
fn inner_path<'a>(path: &'a str, stage: Option<&str>, base_path: &str) -> &'a str {
    let stage = stage.filter(|stage| *stage != "$default");
    let below_stage = || below(path, &format!("/{}", stage?));
    below(path, base_path).or_else(below_stage).unwrap_or(path)
}

fn invalid(sentence: &'static str) -> ApiError {
    ApiError::invalid(sentence)
}

fn body(text: Option<String>, is_base64: bool) -> Result<Body, ApiError> {
    match text {
        None => Ok(Body::Empty),
        Some(text) if is_base64 => BASE64_STANDARD
            .decode(text)
            .map(Body::Binary)
            .map_err(|_| invalid("The request body is not valid base64")),
        Some(text) => Ok(Body::Text(text)),
    }
}

fn strings_only(context: AuthorizerContext) -> HashMap<String, String> {
    let members = context.lambda.into_iter();
    members.filter_map(|(name, value)| Some((name, value.get()?))).collect()
}
