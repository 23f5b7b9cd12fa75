//! The places of a request where the guard looks for tokens.

use std::borrow::Cow;

use lambda_http::{
    Request,
    http::{HeaderMap, HeaderName, header::AUTHORIZATION},
};
use latchkey_http::{ApiError, ErrorKind, JsonBody, fields::elements};
use latchkey_token::TokenType;

use crate::{
    CookieSettings,
    fields::{cookies_named, subprotocols, tokens_of_scheme},
};

/// A place of a request that may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLocation {
    /// `Authorization: Bearer …` (RFC 6750 §2.1), or another configured header.
    Headers,
    /// A cookie, which browsers send automatically; hence the CSRF checks.
    Cookies,
    /// A parameter of the URL (RFC 6750 §2.3). URLs end up in logs and histories: use it only for
    /// clients that can send nothing else.
    QueryString,
    /// A member of a JSON body.
    Json,
    /// An element of `Sec-WebSocket-Protocol`, the only header that a page can choose when it opens
    /// a WebSocket.
    WebSocketProtocol,
}

impl TokenLocation {
    /// All locations.
    pub const ALL: [Self; 5] =
        [Self::Headers, Self::Cookies, Self::QueryString, Self::Json, Self::WebSocketProtocol];

    /// The name of the location in `JWT_TOKEN_LOCATION`, such as `headers`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Cookies => "cookies",
            Self::QueryString => "query_string",
            Self::Json => "json",
            Self::WebSocketProtocol => "websocket_protocol",
        }
    }
}

/// Where to look for tokens, in order.
///
/// The first location with a token counts; if that token is bad, the request is refused. Different
/// tokens in two of header, URL, body and WebSocket subprotocol are a 400 (RFC 6750 §2); equal
/// tokens count once. A cookie beside another location is allowed, because browsers add cookies to
/// every request. Two cookies of one name with different values are an invalid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLocations {
    /// The locations to search, in this order.
    pub order: Vec<TokenLocation>,
    /// Name of the header, by default `Authorization`.
    pub header_name: HeaderName,
    /// Scheme before the token in the header, in any case, by default `Bearer`; `None` if the
    /// header holds the token alone.
    pub header_scheme: Option<String>,
    /// Name of the URL parameter, by default `jwt`.
    pub query_name: String,
    /// Prefix of the token in the URL parameter, by default empty.
    pub query_prefix: String,
    /// Member of a JSON body with the access token, by default `access_token`.
    pub json_access_key: String,
    /// Member of a JSON body with the refresh token, by default `refresh_token`.
    pub json_refresh_key: String,
    /// Names, attributes and CSRF settings of the cookies.
    pub cookies: CookieSettings,
}

/// `Authorization: Bearer …` only.
impl Default for TokenLocations {
    fn default() -> Self {
        Self {
            order: vec![TokenLocation::Headers],
            header_name: AUTHORIZATION,
            header_scheme: Some(BEARER.to_owned()),
            query_name: "jwt".to_owned(),
            query_prefix: String::new(),
            json_access_key: "access_token".to_owned(),
            json_refresh_key: "refresh_token".to_owned(),
            cookies: CookieSettings::default(),
        }
    }
}

const BEARER: &str = "Bearer";

/// The scheme of Flask-JWT clients, accepted for access tokens beside the configured one.
const FLASK_JWT_SCHEME: &str = "JWT";

/// The text of a token and where it was.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) location: TokenLocation,
}

impl TokenLocations {
    /// Whether `location` is configured.
    pub fn include(&self, location: TokenLocation) -> bool {
        self.order.contains(&location)
    }

    /// The `token_type` of token responses (RFC 6749 §7.1): the scheme, or `Bearer` if the header
    /// holds the token alone, because the member is required.
    pub fn token_type(&self) -> &str {
        self.header_scheme.as_deref().unwrap_or(BEARER)
    }

    /// The access token of a request.
    pub(crate) fn find_access<'a>(&self, request: &'a Request) -> Result<Found<'a>, ApiError> {
        self.find(request, &self.order, self.body(request).as_ref(), TokenType::Access)
    }

    /// The refresh token of a request. It may always be in the body, beside the configured
    /// locations.
    pub(crate) fn find_refresh<'a>(
        &self,
        request: &'a Request,
        body: Option<&JsonBody>,
    ) -> Result<Found<'a>, ApiError> {
        let mut order = self.order.clone();
        if !self.include(TokenLocation::Json) {
            order.push(TokenLocation::Json);
        }
        self.find(request, &order, body, TokenType::Refresh)
    }

    /// The token of either type outside cookies: one that the client itself put into the request.
    pub(crate) fn find_explicit<'a>(&self, request: &'a Request) -> Result<Found<'a>, ApiError> {
        let mut order = self.order.clone();
        order.retain(|location| *location != TokenLocation::Cookies);
        let body = self.body(request);
        match self.find(request, &order, body.as_ref(), TokenType::Access) {
            Err(error) if error.kind() == ErrorKind::MissingToken => {
                self.find(request, &order, body.as_ref(), TokenType::Refresh)
            }
            found => found,
        }
    }

    /// The tokens of either type in cookies.
    pub(crate) fn find_in_cookies<'a>(
        &self,
        headers: &'a HeaderMap,
    ) -> Vec<(TokenType, Cow<'a, str>)> {
        if !self.include(TokenLocation::Cookies) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for token_type in [TokenType::Access, TokenType::Refresh] {
            for text in cookies_named(headers, &self.cookies.pair(token_type).token.name) {
                if !found.contains(&(token_type, text.clone())) {
                    found.push((token_type, text));
                }
            }
        }
        found
    }

    /// The parsed body, if bodies are a configured location.
    fn body(&self, request: &Request) -> Option<JsonBody> {
        self.include(TokenLocation::Json).then(|| JsonBody::parse(request).ok()).flatten()
    }

    fn find<'a>(
        &self,
        request: &'a Request,
        order: &[TokenLocation],
        body: Option<&JsonBody>,
        wanted: TokenType,
    ) -> Result<Found<'a>, ApiError> {
        let mut found: Option<Found<'a>> = None;
        for &location in order {
            for text in self.tokens_in(location, request, body, wanted) {
                match &found {
                    Some(first) if text.is_empty() || text == first.text => {}
                    Some(first) if !first.text.is_empty() => match (first.location, location) {
                        (TokenLocation::Cookies, TokenLocation::Cookies) => {
                            return Err(ErrorKind::InvalidToken.into());
                        }
                        // Browsers add cookies to every request of a page. Any other two tokens
                        // contradict each other (RFC 6750 §2).
                        (TokenLocation::Cookies, _) | (_, TokenLocation::Cookies) => {}
                        (_, _) => {
                            return Err(ApiError::invalid(
                                "The token must be sent in one place only",
                            ));
                        }
                    },
                    _ => found = Some(Found { text, location }),
                }
            }
        }
        found.ok_or_else(|| self.missing_token())
    }

    /// The tokens in a location; an empty text if the location is used without a usable token.
    fn tokens_in<'a>(
        &self,
        location: TokenLocation,
        request: &'a Request,
        body: Option<&JsonBody>,
        wanted: TokenType,
    ) -> Vec<Cow<'a, str>> {
        let headers = request.headers();
        match location {
            TokenLocation::Headers => self.in_headers(headers, wanted),
            TokenLocation::Cookies => {
                cookies_named(headers, &self.cookies.pair(wanted).token.name).collect()
            }
            TokenLocation::QueryString => self.in_query(request.uri().query()),
            TokenLocation::Json => {
                let token = body.and_then(|body| self.in_json(body, wanted));
                token.into_iter().collect()
            }
            TokenLocation::WebSocketProtocol => subprotocols(headers).collect(),
        }
    }

    fn in_headers<'a>(&self, headers: &'a HeaderMap, wanted: TokenType) -> Vec<Cow<'a, str>> {
        let flask_jwt = (self.header_name == AUTHORIZATION && wanted == TokenType::Access)
            .then_some(FLASK_JWT_SCHEME);
        let credentials = elements(headers, &self.header_name);
        match self.header_scheme.as_deref() {
            None => credentials.map(String::from_utf8_lossy).collect(),
            Some(scheme) => tokens_of_scheme(credentials, [Some(scheme), flask_jwt]),
        }
    }

    fn in_query(&self, query: Option<&str>) -> Vec<Cow<'static, str>> {
        form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .filter(|(name, value)| *name == self.query_name && !value.is_empty())
            .map(|(_, value)| {
                let token = value.strip_prefix(&self.query_prefix);
                token.unwrap_or_default().to_owned().into()
            })
            .collect()
    }

    fn in_json(&self, body: &JsonBody, wanted: TokenType) -> Option<Cow<'static, str>> {
        let key = match wanted {
            TokenType::Access => &self.json_access_key,
            TokenType::Refresh => &self.json_refresh_key,
        };
        let token = body.optional(key).transpose()?;
        Some(token.unwrap_or_default().to_owned().into())
    }

    /// The error for a request without a token.
    pub(crate) fn missing_token(&self) -> ApiError {
        if self.include(TokenLocation::Headers) {
            return ErrorKind::MissingToken.into();
        }
        let names: Vec<_> = self.order.iter().map(|location| location.name()).collect();
        ApiError::new(ErrorKind::MissingToken, format!("Missing JWT in {}", names.join(", ")))
    }
}
