//! Tokens in cookies, and what keeps other sites from using them.

use std::collections::BTreeSet;

use cookie::{
    Cookie, SameSite,
    time::{Duration, OffsetDateTime},
};
use lambda_http::{
    Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method,
        header::{HOST, ORIGIN, SET_COOKIE},
    },
};
use latchkey_token::{IssuedToken, Timestamp, TokenType};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use latchkey_http::{ApiError, ErrorKind, RequestContext};

use crate::{TokenLocation, fields::cookies_named};

/// A cookie's name and the paths that it is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePlace {
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
}

impl CookiePlace {
    fn root(name: &str) -> Self {
        Self { name: name.to_owned(), path: "/".to_owned() }
    }
}

/// The cookies of one type of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePair {
    /// The token, which no script can read.
    pub token: CookiePlace,
    /// The token's `csrf` claim, for scripts of our own pages.
    pub csrf: CookiePlace,
    /// The header in which those scripts say it.
    pub csrf_header: HeaderName,
}

/// How tokens are kept in cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// The access token's.
    pub access: CookiePair,
    /// The refresh token's.
    pub refresh: CookiePair,
    /// The domain that they are sent to; `None` for the host alone.
    pub domain: Option<String>,
    /// Whether they travel over TLS only. Browsers take 127.0.0.1 for safe.
    pub secure: bool,
    /// Whether other sites' requests carry them.
    pub same_site: SameSite,
    /// Whether they end with the browser, and not with their token.
    pub end_with_browser: bool,
    /// Whether the `csrf` claims are set as cookies too. They are in the answer in any case.
    pub show_csrf: bool,
    /// Further origins whose pages may send requests with cookies, such as
    /// `https://app.example.com`.
    pub allowed_origins: Vec<String>,
}

/// Name and value of a longer one are thrown away without a word (RFC 6265bis §5.7).
const MAX_COOKIE_BYTES: usize = 4_096;

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// `__Host-` cookies, which only this host can set, over TLS, for all paths (RFC 6265bis §4.1.3).
impl Default for CookieSettings {
    fn default() -> Self {
        let pair = |token, csrf| CookiePair {
            token: CookiePlace::root(token),
            csrf: CookiePlace::root(csrf),
            csrf_header: CSRF_HEADER,
        };
        Self {
            access: pair("__Host-access_token", "__Host-csrf_access_token"),
            refresh: pair("__Host-refresh_token", "__Host-csrf_refresh_token"),
            domain: None,
            secure: true,
            same_site: SameSite::Lax,
            end_with_browser: false,
            show_csrf: true,
            allowed_origins: Vec::new(),
        }
    }
}

impl CookieSettings {
    /// The cookies of that type of token.
    pub(crate) const fn pair(&self, token_type: TokenType) -> &CookiePair {
        match token_type {
            TokenType::Access => &self.access,
            TokenType::Refresh => &self.refresh,
        }
    }

    /// Sets the cookies of a token.
    ///
    /// # Errors
    /// `internal` for a token that is too long for a cookie.
    pub(crate) fn set(
        &self,
        headers: &mut HeaderMap,
        token_type: TokenType,
        token: &IssuedToken,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let pair = self.pair(token_type);
        if pair.token.name.len() + token.text.expose_secret().len() > MAX_COOKIE_BYTES {
            return Err(ApiError::internal("the user's claims are too long for a cookie"));
        }
        let life = (!self.end_with_browser).then(|| token.expires_at.since(now).as_secs());
        let life = life.map(|seconds| Duration::seconds(i64::try_from(seconds).unwrap_or(0)));
        self.append(headers, &pair.token, token.text.expose_secret(), true, life);
        if let Some(csrf) = token.csrf.as_deref().filter(|_| self.show_csrf) {
            self.append(headers, &pair.csrf, csrf, false, life);
        }
        Ok(())
    }

    /// Clears every cookie.
    pub fn clear(&self, headers: &mut HeaderMap) {
        for pair in [&self.access, &self.refresh] {
            for (place, is_token) in [(&pair.token, true), (&pair.csrf, false)] {
                self.append(headers, place, "", is_token, Some(Duration::ZERO));
            }
        }
    }

    /// Clears cookies of our names that another domain or path has, where a request brings two
    /// that differ: nothing tells which one is ours, and setting ours again leaves the other.
    pub(crate) fn clear_strays(&self, request: &Request, headers: &mut HeaderMap) {
        for pair in [&self.access, &self.refresh] {
            for (place, is_token) in [(&pair.token, true), (&pair.csrf, false)] {
                let mut values = cookies_named(request.headers(), &place.name);
                let first = values.next();
                let is_one = values.all(|value| Some(value) == first);
                // A browser takes such a name from this host alone, and for one path.
                if is_one || place.name.starts_with("__Host-") {
                    continue;
                }
                let name = RequestContext::of(request).domain_name.clone();
                let parents = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
                let parents = parents.filter(|parent| parent.contains('.'));
                let own = [None, self.domain.as_deref(), Some(name.as_str())];
                let mut scopes: Vec<_> = own.into_iter().chain(parents.map(Some)).collect();
                scopes.sort_unstable();
                scopes.dedup();
                for domain in scopes {
                    for path in BTreeSet::from(["/", &place.path]) {
                        if (domain, path) != (self.domain.as_deref(), &place.path) {
                            let stray = CookiePlace { path: path.to_owned(), ..place.clone() };
                            let other = Self { domain: domain.map(str::to_owned), ..self.clone() };
                            other.append(headers, &stray, "", is_token, Some(Duration::ZERO));
                        }
                    }
                }
            }
        }
    }

    fn append(
        &self,
        headers: &mut HeaderMap,
        place: &CookiePlace,
        value: &str,
        http_only: bool,
        max_age: Option<Duration>,
    ) {
        let mut cookie = Cookie::build((place.name.as_str(), value))
            .path(place.path.as_str())
            .secure(self.secure)
            .http_only(http_only)
            .same_site(self.same_site)
            .build();
        cookie.set_max_age(max_age);
        if max_age == Some(Duration::ZERO) {
            // Some clients look at this alone.
            cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        }
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.as_str());
        }
        // Names and attributes were checked when they were configured, the values are ours.
        if let Ok(cookie) = HeaderValue::try_from(cookie.to_string()) {
            headers.append(SET_COOKIE, cookie);
        }
    }

    /// Whether a request brought one of the cookies.
    pub(crate) fn are_in(&self, headers: &HeaderMap) -> bool {
        let places =
            [&self.access.token, &self.access.csrf, &self.refresh.token, &self.refresh.csrf];
        places.into_iter().any(|place| cookies_named(headers, &place.name).next().is_some())
    }

    /// Whether a request whose token was in a cookie, and says `csrf`, comes from our own pages:
    /// a page of another site makes a browser send the cookie, but cannot read the claim.
    pub(crate) fn check(
        &self,
        request: &Request,
        location: TokenLocation,
        token_type: TokenType,
        csrf: Option<&str>,
    ) -> Result<(), ErrorKind> {
        if location != TokenLocation::Cookies {
            return Ok(());
        }
        // A token that was made for a header is not one to be sent along by a browser.
        let expected = csrf.ok_or(ErrorKind::InvalidToken)?;
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
            return Ok(());
        }
        self.check_origin(request)?;
        self.check_csrf_header(request.headers(), [(token_type, expected)])
    }

    /// Whether a request says one of the `csrf` claims that are expected, each in the header of
    /// its type of token.
    ///
    /// # Errors
    /// `csrf_failed`.
    pub(crate) fn check_csrf_header<'a>(
        &self,
        headers: &HeaderMap,
        expected: impl IntoIterator<Item = (TokenType, &'a str)>,
    ) -> Result<(), ErrorKind> {
        let mut refusal = ErrorKind::CsrfMissing;
        for (token_type, expected) in expected {
            let said = headers.get(&self.pair(token_type).csrf_header);
            let said = said.map_or(&[][..], HeaderValue::as_bytes);
            if bool::from(said.ct_eq(expected.as_bytes())) {
                return Ok(());
            }
            if !said.is_empty() {
                refusal = ErrorKind::CsrfMismatch;
            }
        }
        Err(refusal)
    }

    /// Whether a request comes from a page of ours, as far as the browser says where from.
    ///
    /// # Errors
    /// `csrf_failed` for a page of another origin.
    pub fn check_origin(&self, request: &Request) -> Result<(), ErrorKind> {
        let headers = request.headers();
        let mut origins = headers.get_all(ORIGIN).iter();
        let is_ours = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| {
                self.allowed_origins.iter().any(|allowed| allowed == origin)
                    || is_own_origin(origin, headers)
            }),
            (Some(_), Some(_)) => false,
        };
        if is_ours { Ok(()) } else { Err(ErrorKind::OriginNotAllowed) }
    }
}

/// Whether `origin` is the host that the request was sent to. Only a laptop is reached without
/// TLS.
fn is_own_origin(origin: &str, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    match origin.split_once("://") {
        Some(("https", authority)) => authority.eq_ignore_ascii_case(host),
        Some(("http", authority)) => {
            authority.eq_ignore_ascii_case(host) && ["127.0.0.1", "localhost"].contains(&name)
        }
        _ => false,
    }
}
