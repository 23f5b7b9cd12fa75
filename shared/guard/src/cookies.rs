//! Tokens in cookies, and CSRF protection.

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

/// Name and path of a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePlace {
    /// The cookie's name. The prefix `__Host-` requires path `/`, no domain and `Secure`
    /// (RFC 6265bis §4.1.3).
    pub name: String,
    /// The `Path` attribute: browsers send the cookie to this path and below.
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
    /// The cookie with the token: `HttpOnly`, so that scripts cannot read it.
    pub token: CookiePlace,
    /// The cookie with the `csrf` claim of the token, which scripts of the page can read.
    pub csrf: CookiePlace,
    /// The request header in which scripts repeat the `csrf` claim, by default `X-CSRF-TOKEN`.
    pub csrf_header: HeaderName,
}

/// Names and attributes of the cookies, and the origins that may use them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// The cookies of the access token.
    pub access: CookiePair,
    /// The cookies of the refresh token.
    pub refresh: CookiePair,
    /// The `Domain` attribute: browsers send the cookies to this domain and its subdomains. `None`
    /// restricts them to the host that set them.
    pub domain: Option<String>,
    /// The `Secure` attribute: send over TLS only. Browsers treat `127.0.0.1` as secure.
    pub secure: bool,
    /// The `SameSite` attribute: whether requests from other sites carry the cookies.
    pub same_site: SameSite,
    /// Omits `Max-Age`, so that the cookies end with the browser session instead of with the token.
    pub end_with_browser: bool,
    /// Sets the readable `csrf` cookies. The response body has the values in any case.
    pub show_csrf: bool,
    /// Origins besides the API's own whose pages may send requests with cookies, such as
    /// `https://app.example.com`. Compared byte for byte with `Origin` (RFC 6454 §7).
    pub allowed_origins: Vec<String>,
}

/// Browsers silently drop a cookie whose name and value are longer (RFC 6265bis §5.7).
const MAX_COOKIE_BYTES: usize = 4_096;

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// `__Host-` cookies, `Secure`, `SameSite=Lax`, for all paths: only the host itself can set them,
/// over TLS (RFC 6265bis §4.1.3).
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
    /// The cookies of a type of token.
    pub(crate) const fn pair(&self, token_type: TokenType) -> &CookiePair {
        match token_type {
            TokenType::Access => &self.access,
            TokenType::Refresh => &self.refresh,
        }
    }

    /// Sets the cookies of a token.
    ///
    /// # Errors
    /// 500 [`Internal`](ErrorKind::Internal) if the token is too long for a cookie.
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

    /// Adds the `Set-Cookie` headers that clear all four cookies.
    pub fn clear(&self, headers: &mut HeaderMap) {
        for pair in [&self.access, &self.refresh] {
            for (place, is_token) in [(&pair.token, true), (&pair.csrf, false)] {
                self.append(headers, place, "", is_token, Some(Duration::ZERO));
            }
        }
    }

    /// Clears cookies with the configured names but another domain or path, if the request has two
    /// different values: the request does not show which one is valid, and setting the valid one
    /// again keeps the other.
    pub(crate) fn clear_strays(&self, request: &Request, headers: &mut HeaderMap) {
        for pair in [&self.access, &self.refresh] {
            for (place, is_token) in [(&pair.token, true), (&pair.csrf, false)] {
                let mut values = cookies_named(request.headers(), &place.name);
                let first = values.next();
                let is_one = values.all(|value| Some(value) == first);
                // Browsers accept a `__Host-` cookie from this host only, with path `/`.
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
            // Some clients ignore `Max-Age`.
            cookie.set_expires(OffsetDateTime::UNIX_EPOCH);
        }
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.as_str());
        }
        // Names and attributes were validated as configuration; values are base64url.
        if let Ok(cookie) = HeaderValue::try_from(cookie.to_string()) {
            headers.append(SET_COOKIE, cookie);
        }
    }

    /// Whether a request has any of the cookies.
    pub(crate) fn are_in(&self, headers: &HeaderMap) -> bool {
        let places =
            [&self.access.token, &self.access.csrf, &self.refresh.token, &self.refresh.csrf];
        places.into_iter().any(|place| cookies_named(headers, &place.name).next().is_some())
    }

    /// Checks that a request with its token in a cookie comes from an allowed page: a page of
    /// another site can make a browser send the cookie, but cannot read the token's `csrf` claim.
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
        // A token without the claim was issued for a header, not for a cookie.
        let expected = csrf.ok_or(ErrorKind::InvalidToken)?;
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
            return Ok(());
        }
        self.check_origin(request)?;
        self.check_csrf_header(request.headers(), [(token_type, expected)])
    }

    /// Checks that a request repeats one of the expected `csrf` claims, each in the header of its
    /// type of token. Compares in constant time.
    ///
    /// # Errors
    /// 401 `csrf_failed`: [`CsrfMissing`](ErrorKind::CsrfMissing) or
    /// [`CsrfMismatch`](ErrorKind::CsrfMismatch).
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

    /// Checks that `Origin`, if present, is the API's own origin or one of
    /// [`allowed_origins`](Self::allowed_origins).
    ///
    /// # Errors
    /// 401 [`OriginNotAllowed`](ErrorKind::OriginNotAllowed) for any other origin, and for repeated
    /// `Origin` headers.
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

/// Whether `origin` is `https://` and the `Host` of the request. `http://` counts on 127.0.0.1 and
/// localhost only.
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
