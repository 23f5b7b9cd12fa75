//! Where in a request a token may be.

use std::borrow::Cow;

use auth_token::TokenType;
use lambda_http::{
    Body,
    http::{
        HeaderMap, HeaderName, Request,
        header::{AUTHORIZATION, COOKIE},
    },
};

use crate::{ApiError, CookieSettings, Delivery, JsonBody, Refusal};

/// A place of a request that may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLocation {
    /// `Authorization: Bearer …`, or another header.
    Headers,
    /// A cookie, which a browser sends by itself.
    Cookies,
    /// A parameter of the URL. Those end in logs: for clients that can send nothing else.
    QueryString,
    /// A member of the JSON body.
    Json,
}

impl TokenLocation {
    /// Every place.
    pub const ALL: [Self; 4] = [Self::Headers, Self::Cookies, Self::QueryString, Self::Json];

    /// The place's name in `JWT_TOKEN_LOCATION`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Cookies => "cookies",
            Self::QueryString => "query_string",
            Self::Json => "json",
        }
    }
}

/// Where tokens may be, in the order in which the places are searched. Only a place without a
/// token leads to the next one: a bad token is not saved by a good one elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLocations {
    /// The places.
    pub order: Vec<TokenLocation>,
    /// The header's name.
    pub header_name: HeaderName,
    /// The word before the token in that header, in any case; `None` when there is none.
    pub header_scheme: Option<String>,
    /// The URL parameter.
    pub query_name: String,
    /// What stands before the token in the URL parameter.
    pub query_prefix: String,
    /// The JSON member of access tokens.
    pub json_access_key: String,
    /// The JSON member of refresh tokens.
    pub json_refresh_key: String,
    /// The cookies.
    pub cookies: CookieSettings,
}

/// `Authorization: Bearer …` and nothing else.
impl Default for TokenLocations {
    fn default() -> Self {
        Self {
            order: vec![TokenLocation::Headers],
            header_name: AUTHORIZATION,
            header_scheme: Some("Bearer".to_owned()),
            query_name: "jwt".to_owned(),
            query_prefix: String::new(),
            json_access_key: "access_token".to_owned(),
            json_refresh_key: "refresh_token".to_owned(),
            cookies: CookieSettings::default(),
        }
    }
}

/// What Flask-JWT's clients write in place of `Bearer`.
const FLASK_JWT_SCHEME: &str = "JWT";

/// A body that may be looked into for a token.
pub trait TokenBody {
    /// The bytes, if they are at hand.
    fn bytes(&self) -> Option<&[u8]>;
}

impl TokenBody for () {
    fn bytes(&self) -> Option<&[u8]> {
        None
    }
}

impl TokenBody for Body {
    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// A token's text and where it was.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) location: TokenLocation,
}

/// What a place holds: nothing, a text, or something that is no token.
type Candidate<'a> = Option<Result<Cow<'a, str>, Malformed>>;

#[derive(Clone, Copy, Debug)]
struct Malformed;

impl TokenLocations {
    /// Whether a token may be there.
    pub fn include(&self, location: TokenLocation) -> bool {
        self.order.contains(&location)
    }

    /// The access token of a request.
    pub(crate) fn find_access<'a, B: TokenBody>(
        &self,
        request: &'a Request<B>,
    ) -> Result<Found<'a>, Refusal> {
        let body = self
            .include(TokenLocation::Json)
            .then(|| JsonBody::read(request.headers(), request.body().bytes()?).ok())
            .flatten();
        self.find(request, &self.order, body.as_ref(), TokenType::Access)
    }

    /// The refresh token of a request with that body, in which it may be wherever the others are.
    pub(crate) fn find_refresh<'a, B>(
        &self,
        request: &'a Request<B>,
        body: Option<&JsonBody>,
    ) -> Result<Found<'a>, Refusal> {
        let mut order = self.order.clone();
        if !self.include(TokenLocation::Json) {
            order.push(TokenLocation::Json);
        }
        self.find(request, &order, body, TokenType::Refresh)
    }

    fn find<'a, B>(
        &self,
        request: &'a Request<B>,
        order: &[TokenLocation],
        body: Option<&JsonBody>,
        wanted: TokenType,
    ) -> Result<Found<'a>, Refusal> {
        let mut found = order.iter().filter_map(|&location| {
            let candidate = match location {
                TokenLocation::Headers => self.in_header(request.headers(), wanted),
                TokenLocation::Cookies => {
                    in_cookie(request.headers(), &self.cookies.pair(wanted).token.name)
                }
                TokenLocation::QueryString => self.in_query(request.uri().query()),
                TokenLocation::Json => body.and_then(|body| self.in_json(body, wanted)),
            };
            Some((location, candidate?))
        });
        let (location, candidate) = found.next().ok_or(Refusal::NoToken)?;
        // A browser adds its cookies to whatever a page sends; any other two are a client that
        // does not know who it is (RFC 6750 §2).
        let is_explicit = |location| location != TokenLocation::Cookies;
        if is_explicit(location) && found.any(|(other, _)| is_explicit(other)) {
            return Err(Refusal::TwoTokens);
        }
        match candidate {
            Ok(text) => Ok(Found { text, location }),
            Err(Malformed) => Err(Refusal::MALFORMED),
        }
    }

    fn in_header<'a>(&self, headers: &'a HeaderMap, wanted: TokenType) -> Candidate<'a> {
        let mut values = headers.get_all(&self.header_name).iter();
        let (value, None) = (values.next()?, values.next()) else {
            return Some(Err(Malformed));
        };
        let Ok(value) = value.to_str() else {
            return Some(Err(Malformed));
        };
        let Some(scheme) = self.header_scheme.as_deref() else {
            return (!value.is_empty()).then_some(Ok(value.into()));
        };
        let flask_jwt = (self.header_name == AUTHORIZATION && wanted == TokenType::Access)
            .then_some(FLASK_JWT_SCHEME);
        token_of_scheme(value, [Some(scheme), flask_jwt]).map(|token| Ok(token.into()))
    }

    fn in_query(&self, query: Option<&str>) -> Candidate<'static> {
        let mut values = form_urlencoded::parse(query?.as_bytes())
            .filter(|(name, _)| *name == self.query_name)
            .map(|(_, value)| value.into_owned());
        let value = values.next()?;
        if values.next().is_some() {
            return Some(Err(Malformed));
        }
        if value.is_empty() {
            return None;
        }
        let token = value.strip_prefix(&self.query_prefix);
        Some(token.map(|token| token.to_owned().into()).ok_or(Malformed))
    }

    fn in_json(&self, body: &JsonBody, wanted: TokenType) -> Candidate<'static> {
        let key = match wanted {
            TokenType::Access => &self.json_access_key,
            TokenType::Refresh => &self.json_refresh_key,
        };
        let value = body.optional(key).map_err(|_| Malformed).transpose()?;
        Some(value.map(|token| token.to_owned().into()))
    }

    /// The answer to a request that is not let through. `wanted` is the type of token that the
    /// route takes.
    pub(crate) fn refusal(&self, refusal: Refusal, wanted: TokenType) -> ApiError {
        if matches!(refusal, Refusal::NoToken) && !self.include(TokenLocation::Headers) {
            let names: Vec<_> = self.order.iter().map(|location| location.name()).collect();
            return ApiError::MissingToken(format!("Missing JWT in {}", names.join(", ")).into());
        }
        ApiError::refusal(refusal, wanted)
    }

    /// How a client that logs in with `body` is to be given its tokens: in cookies when it says
    /// `"cookies": true`.
    ///
    /// # Errors
    /// [`ApiError::InvalidRequest`] where tokens are not taken from cookies, and
    /// [`ApiError::CsrfFailed`] for a page of another origin.
    pub fn delivery<B>(
        &self,
        request: &Request<B>,
        body: &JsonBody,
    ) -> Result<Delivery<'_>, ApiError> {
        if !body.flag("cookies")? {
            return Ok(Delivery::Body);
        }
        if !self.include(TokenLocation::Cookies) {
            return Err(ApiError::member("cookies", "are not configured"));
        }
        let refused = |refusal| self.refusal(refusal, TokenType::Access);
        self.cookies.check_origin(request).map_err(refused)?;
        Ok(Delivery::Cookies(&self.cookies))
    }

    /// How a client is to be given its next tokens whose last one was in that place.
    pub fn delivery_as(&self, location: TokenLocation) -> Delivery<'_> {
        if location == TokenLocation::Cookies {
            Delivery::Cookies(&self.cookies)
        } else {
            Delivery::Body
        }
    }
}

/// Cookies of one name can come from several paths and domains, and nothing says which is ours.
fn in_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Candidate<'a> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(found, value)| *found == name && !value.is_empty());
    let (_, value) = values.next()?;
    Some(if values.next().is_some() { Err(Malformed) } else { Ok(value.into()) })
}

/// The access token in an `Authorization` value: the scheme in any case, one space, the token.
///
/// # Errors
/// [`Refusal::NoToken`] when the value is of another scheme.
pub fn bearer_token(value: &str) -> Result<&str, Refusal> {
    token_of_scheme(value, [Some("Bearer"), Some(FLASK_JWT_SCHEME)]).ok_or(Refusal::NoToken)
}

fn token_of_scheme<'a>(value: &'a str, schemes: [Option<&str>; 2]) -> Option<&'a str> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    schemes.into_iter().flatten().any(|ours| scheme.eq_ignore_ascii_case(ours)).then_some(token)
}
