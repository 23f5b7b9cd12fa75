//! Authorizer events from API Gateway.
//!
//! The parser reads only the members that it needs and accepts any JSON type in each, so that an
//! odd header cannot fail an invocation.

use std::collections::BTreeMap;

use form_urlencoded::Serializer;
use lambda_http::{
    Request,
    http::{HeaderName, header::SEC_WEBSOCKET_PROTOCOL},
};
use latchkey_guard::{TokenLocation, TokenLocations};
use latchkey_http::{EDGE_SECRET_HEADER, Lenient, TrustedEdge, header_value};
use serde::Deserialize;

type Fields = Lenient<BTreeMap<String, Lenient<OneOrMany>>>;

/// An event from any type of API. Any other JSON parses as an event without a token.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AuthorizerEvent {
    version: Lenient<String>,
    r#type: Lenient<String>,
    method_arn: Lenient<String>,
    authorization_token: Lenient<String>,
    /// A list in format 2.0. Format 1.0 joins the sources, so its headers are read instead.
    identity_source: Lenient<Vec<Lenient<String>>>,
    headers: Fields,
    multi_value_headers: Fields,
    query_string_parameters: Fields,
    multi_value_query_string_parameters: Fields,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<Lenient<String>>),
}

impl OneOrMany {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match self {
            Self::One(text) => (Some(text), &[][..]),
            Self::Many(texts) => (None, &texts[..]),
        };
        one.into_iter().chain(many.iter().filter_map(Lenient::as_ref)).map(String::as_str)
    }
}

impl AuthorizerEvent {
    pub(crate) fn parse(json: &str) -> Self {
        serde_json::from_str::<Lenient<Self>>(json).ok().and_then(Lenient::get).unwrap_or_default()
    }

    /// Whether the response is a policy: for all types of API but an HTTP API with format 2.0.
    pub(crate) fn wants_policy(&self) -> bool {
        self.version.as_ref().map(String::as_str) != Some("2.0")
    }

    /// The ARN of the called route, in an API that wants a policy.
    pub(crate) fn method_arn(&self) -> Option<&str> {
        self.method_arn.as_ref().map(String::as_str)
    }

    /// Whether the request has a secret of the edge. A `TOKEN` event has no headers.
    pub(crate) fn came_through(&self, edge: &TrustedEdge) -> bool {
        let headers = [&self.headers, &self.multi_value_headers];
        values_of(headers, |name| name.eq_ignore_ascii_case(EDGE_SECRET_HEADER))
            .iter()
            .any(|secret| edge.has_secret(secret.as_bytes()))
    }

    /// A request with the identity sources only, in which a guard finds the token.
    ///
    /// The gateway caches a decision by the identity sources, for all routes and methods. So only
    /// the sources that the event names count, or else the locations that can be sources. Cookies
    /// never count: they need a CSRF value, and the cached decision would skip that check for a
    /// cross-site request with the same cookie.
    pub(crate) fn request(&self, locations: &TokenLocations) -> Request {
        let mut request = Request::default();
        let mut put = |name: &HeaderName, values: Vec<&str>| {
            for value in values {
                request.headers_mut().append(name, header_value(value));
            }
        };
        let header_name = &locations.header_name;
        if self.r#type.as_ref().is_some_and(|kind| kind == "TOKEN") {
            let token = self.authorization_token.as_ref();
            put(header_name, token.into_iter().map(String::as_str).collect());
            return request;
        }
        let mut queries = values_of(
            [&self.query_string_parameters, &self.multi_value_query_string_parameters],
            |name| *name == locations.query_name,
        );
        if !locations.include(TokenLocation::QueryString) {
            queries.clear();
        }
        if let Some(sources) = self.identity_source.as_ref() {
            let sources: Vec<_> = sources.iter().filter_map(Lenient::as_ref).collect();
            queries.retain(|query| sources.iter().any(|source| source == query));
            let is_header = |source: &&str| !queries.contains(source);
            put(header_name, sources.iter().map(|s| s.as_str()).filter(is_header).collect());
        } else {
            for name in [header_name, &SEC_WEBSOCKET_PROTOCOL] {
                let headers = [&self.headers, &self.multi_value_headers];
                put(name, values_of(headers, |found| found.eq_ignore_ascii_case(name.as_str())));
            }
        }
        let mut query = Serializer::new("/?".to_owned());
        // A gateway joins repeated parameters with commas. Tokens have no comma.
        for value in queries.iter().flat_map(|joined| joined.split(',')) {
            query.append_pair(&locations.query_name, value);
        }
        if let Ok(uri) = query.finish().parse() {
            *request.uri_mut() = uri;
        }
        request
    }
}

/// The values of a name in the single-value and multi-value maps, which agree if both are present.
fn values_of(maps: [&Fields; 2], is_wanted: impl Fn(&String) -> bool) -> Vec<&str> {
    let members = maps.into_iter().filter_map(Lenient::as_ref).flatten();
    let wanted = members.filter(|(name, _)| is_wanted(name));
    wanted.filter_map(|(_, values)| values.as_ref()).flat_map(OneOrMany::texts).collect()
}
