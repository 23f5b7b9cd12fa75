//! What API Gateway sends: the proxy event of an HTTP API, format 2.0.
//!
//! `lambda_http` reads the same event, but it panics on bad base64 and on odd `Host` headers, and
//! takes nothing but events. Here anything that arrives becomes a request or a clear refusal.

use std::{borrow::Cow, collections::HashMap, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    Body, Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::COOKIE},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use crate::ApiError;

/// What the gateway says about a request. It is an extension of the request, and the only source
/// of the client's address: a client can write any header, but not this.
#[derive(Clone, Default)]
pub struct Gateway {
    /// The gateway's name for the request.
    pub request_id: String,
    /// The client's address as the gateway saw it.
    pub source_ip: String,
    /// The host name under which the API was called.
    pub domain_name: String,
    /// The context that a Lambda authorizer returned, if one was asked.
    pub authorizer: Option<HashMap<String, String>>,
}

/// Prints the request's name and not who made it.
impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

impl Gateway {
    /// What the gateway said about `request`; nothing when it did not come through one.
    pub fn of<B>(request: &lambda_http::http::Request<B>) -> Cow<'_, Self> {
        request.extensions().get().map_or_else(|| Cow::Owned(Self::default()), Cow::Borrowed)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    #[serde(borrow)]
    raw_path: Cow<'a, str>,
    #[serde(borrow, default)]
    raw_query_string: Cow<'a, str>,
    #[serde(default)]
    headers: Option<Headers>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: RequestContext,
}

/// Read straight into their map, which is a good part of what an event costs. `None` when one of
/// them is malformed.
struct Headers(Option<HeaderMap>);

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
        let mut map = Some(HeaderMap::with_capacity(16));
        while let Some((Text(name), Text(value))) = members.next_entry::<Text<'de>, Text<'de>>()? {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_bytes(value.as_bytes());
            match (&mut map, name, value) {
                (Some(map), Ok(name), Ok(value)) => {
                    map.append(name, value);
                }
                _ => map = None,
            }
        }
        Ok(Headers(map))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    http: HttpContext,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    domain_name: Option<String>,
    #[serde(default)]
    authorizer: Option<AuthorizerContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpContext {
    method: String,
    #[serde(default)]
    source_ip: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizerContext {
    lambda: Option<HashMap<String, serde_json::Value>>,
}

/// Makes a request of an event.
///
/// # Errors
/// [`ApiError::InvalidRequest`] for anything that is not an event of an HTTP API, and for events
/// whose base64, path, method or headers are malformed.
pub(crate) fn parse_event(json: &str) -> Result<Request, ApiError> {
    let event: Event<'_> = serde_json::from_str(json)
        .map_err(|_| invalid("The event is not one of an API Gateway HTTP API (format 2.0)"))?;
    let mut request = Request::new(body(event.body, event.is_base64_encoded)?);
    *request.method_mut() = Method::from_bytes(event.request_context.http.method.as_bytes())
        .map_err(|_| invalid("The request's method is malformed"))?;
    *request.uri_mut() = uri(&event.raw_path, &event.raw_query_string)?;
    if let Some(headers) = event.headers {
        *request.headers_mut() =
            headers.0.ok_or_else(|| invalid("A request header is malformed"))?;
    }
    if let Some(cookies) = event.cookies.filter(|cookies| !cookies.is_empty()) {
        let value = HeaderValue::from_bytes(cookies.join("; ").as_bytes())
            .map_err(|_| invalid("A cookie is malformed"))?;
        request.headers_mut().insert(COOKIE, value);
    }
    let context = event.request_context;
    request.extensions_mut().insert(Gateway {
        request_id: context.request_id.unwrap_or_default(),
        source_ip: context.http.source_ip.unwrap_or_default(),
        domain_name: context.domain_name.unwrap_or_default(),
        authorizer: context.authorizer.and_then(|context| context.lambda).map(strings_only),
    });
    Ok(request)
}

fn invalid(sentence: &'static str) -> ApiError {
    ApiError::InvalidRequest(sentence.into())
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

fn uri(path: &str, query: &str) -> Result<Uri, ApiError> {
    let text =
        if query.is_empty() { Cow::Borrowed(path) } else { format!("{path}?{query}").into() };
    // An absolute form would let a client choose a host; the gateway sends paths only.
    text.starts_with('/')
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| invalid("The request's path is malformed"))
}

/// Our authorizer's context holds strings only; nothing else is believed.
fn strings_only(context: HashMap<String, serde_json::Value>) -> HashMap<String, String> {
    context
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
        .collect()
}
