//! The forms in which a request presents a token, with their expected effects.

use serde_json::json;

use crate::tokens::{CSRF, INVALID, TokenRow};

/// The configured token locations of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locations {
    /// `Authorization`, the default.
    Header,
    /// `Authorization`, cookies, the URL and the JSON body.
    All,
}

/// The part of the request with the token, which not every surface reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    Header,
    /// An `Authorization` header and a query parameter.
    HeaderAndQuery,
    Query,
    Cookie,
    Body,
}

/// The effect of a form on the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The token decides.
    Presents,
    /// The token is in a cookie: it must have a CSRF value, which changes must send.
    InCookie(Csrf),
    /// The request is refused with this code for every token.
    Refuses(&'static str),
}

/// Whether the request passes the CSRF check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Csrf {
    /// The value is right, or the method needs none.
    Passes,
    /// The value is missing or wrong, or the origin is.
    Fails,
}

/// The parts of a client's request that matter for tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientRequest {
    pub(crate) is_change: bool,
    pub(crate) authorization: Vec<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) cookies: Vec<String>,
    /// Values of the query parameter `jwt`.
    pub(crate) queries: Vec<String>,
    pub(crate) body: Option<String>,
}

/// A form in which a request presents a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestForm {
    pub(crate) name: &'static str,
    pub(crate) locations: Locations,
    pub(crate) placement: Placement,
    pub(crate) effect: Effect,
    /// Builds the request with a token and, for some forms, a second valid token.
    pub(crate) build: fn(&TokenRow, &str) -> ClientRequest,
}

const MISSING: &str = "missing_token";
const CSRF_HEADER: &str = "x-csrf-token";

/// Unusual cookies and headers of other applications.
const ODD_COOKIES: [&str; 6] =
    ["a=\"; b", "\u{e9}=\u{e9}", "=", "x__Host-access_token=x.y.z", "__host-ACCESS_TOKEN=x", "{}"];
const ODD_HEADERS: [(&str, &str); 4] = [
    ("x-odd", "\u{e9}\u{1f512}"),
    ("proxy-authorization", "Bearer x.y.z"),
    ("x-forwarded-for", "' OR 1=1"),
    ("accept-language", ";;q=,"),
];

fn authorization(values: &[String]) -> ClientRequest {
    ClientRequest { authorization: values.to_vec(), ..ClientRequest::default() }
}

fn cookie(text: &str) -> String {
    format!("__Host-access_token={text}")
}

fn in_cookies(cookies: Vec<String>) -> ClientRequest {
    ClientRequest { cookies, ..ClientRequest::default() }
}

/// A request with a changing method, its token in a cookie, and a CSRF value.
fn change(token: &TokenRow, csrf: Option<&str>) -> ClientRequest {
    let headers = csrf.map(|csrf| (CSRF_HEADER, csrf.to_owned())).into_iter().collect();
    ClientRequest { is_change: true, headers, ..in_cookies(vec![cookie(&token.text)]) }
}

fn query(token: &TokenRow) -> ClientRequest {
    ClientRequest { queries: vec![token.text.clone()], ..ClientRequest::default() }
}

fn body(token: &TokenRow) -> ClientRequest {
    let body = json!({ "access_token": token.text }).to_string();
    let headers = vec![("content-type", "application/json".to_owned())];
    ClientRequest { is_change: true, headers, body: Some(body), ..ClientRequest::default() }
}

fn with_odd(sent: ClientRequest) -> ClientRequest {
    let mut cookies: Vec<String> = ODD_COOKIES.map(str::to_owned).into();
    cookies.extend(sent.cookies);
    let mut headers = sent.headers;
    headers.extend(ODD_HEADERS.map(|(name, value)| (name, value.to_owned())));
    ClientRequest { headers, cookies, ..sent }
}

const fn form(
    name: &'static str,
    (locations, placement): (Locations, Placement),
    effect: Effect,
    build: fn(&TokenRow, &str) -> ClientRequest,
) -> RequestForm {
    RequestForm { name, locations, placement, effect, build }
}

/// All forms.
#[rustfmt::skip]
pub(crate) const FORMS: [RequestForm; 28] = {
    use Effect::{InCookie, Presents, Refuses};
    const HEADER: (Locations, Placement) = (Locations::Header, Placement::Header);
    const BESIDE: (Locations, Placement) = (Locations::All, Placement::Header);
    const COOKIE: (Locations, Placement) = (Locations::All, Placement::Cookie);
    const QUERY: (Locations, Placement) = (Locations::All, Placement::Query);
    const BOTH: (Locations, Placement) = (Locations::All, Placement::HeaderAndQuery);
    [
        form("Bearer", HEADER, Presents, |token, _| authorization(&[format!("Bearer {}", token.text)])),
        form("bearer", HEADER, Presents, |token, _| authorization(&[format!("bearer {}", token.text)])),
        form("several spaces", HEADER, Presents, |token, _| authorization(&[format!("BEARER   {} ", token.text)])),
        form("JWT, as Flask-JWT writes it", HEADER, Presents, |token, _| authorization(&[format!("JWT {}", token.text)])),
        form("the same header twice", HEADER, Presents, |token, _| {
            let value = format!("Bearer {}", token.text);
            authorization(&[value.clone(), value])
        }),
        form("beside another scheme", HEADER, Presents, |token, _| authorization(&[format!("Basic YTpi, Bearer {}", token.text)])),
        form("beside odd headers and cookies", HEADER, Presents, |token, _| with_odd(authorization(&[format!("Bearer {}", token.text)]))),
        form("beside another token", HEADER, Refuses("invalid_request"), |token, other| {
            authorization(&[format!("Bearer {}", token.text), format!("Bearer {other}")])
        }),
        form("no header", HEADER, Refuses(MISSING), |_, _| ClientRequest::default()),
        form("no scheme", HEADER, Refuses(MISSING), |token, _| authorization(std::slice::from_ref(&token.text))),
        form("another scheme", HEADER, Refuses(MISSING), |token, _| authorization(&[format!("Token {}", token.text)])),
        form("the scheme alone", HEADER, Refuses(INVALID), |_, _| authorization(&["Bearer".to_owned()])),
        form("a cookie, not configured", HEADER, Refuses(MISSING), |token, _| in_cookies(vec![cookie(&token.text)])),
        form("the URL, not configured", HEADER, Refuses(MISSING), |token, _| query(token)),
        form("the body, not configured", HEADER, Refuses(MISSING), |token, _| body(token)),
        form("a header before a cookie", BESIDE, Presents, |token, other| {
            ClientRequest { cookies: vec![cookie(other)], ..authorization(&[format!("Bearer {}", token.text)]) }
        }),
        form("a cookie", COOKIE, InCookie(Csrf::Passes), |token, _| in_cookies(vec![cookie(&token.text)])),
        form("a cookie beside odd ones", COOKIE, InCookie(Csrf::Passes), |token, _| with_odd(in_cookies(vec![cookie(&token.text)]))),
        form("the same cookie twice", COOKIE, InCookie(Csrf::Passes), |token, _| in_cookies(vec![cookie(&token.text), cookie(&token.text)])),
        form("two cookies", COOKIE, Refuses(INVALID), |token, other| in_cookies(vec![cookie(&token.text), cookie(other)])),
        form("a change with its CSRF value", COOKIE, InCookie(Csrf::Passes), |token, _| change(token, Some(CSRF))),
        form("a change without", COOKIE, InCookie(Csrf::Fails), |token, _| change(token, None)),
        form("a change with another value", COOKIE, InCookie(Csrf::Fails), |token, _| change(token, Some("another-value"))),
        form("a change from another origin", COOKIE, InCookie(Csrf::Fails), |token, _| {
            let mut sent = change(token, Some(CSRF));
            sent.headers.push(("origin", "https://evil.example.com".to_owned()));
            sent
        }),
        form("a change by header, a cookie beside it", BESIDE, Presents, |token, other| {
            let sent = authorization(&[format!("Bearer {}", token.text)]);
            ClientRequest { is_change: true, cookies: vec![cookie(other)], ..sent }
        }),
        form("the URL", QUERY, Presents, |token, _| query(token)),
        form("the URL and another in the header", BOTH, Refuses("invalid_request"), |token, other| {
            ClientRequest { queries: vec![token.text.clone()], ..authorization(&[format!("Bearer {other}")]) }
        }),
        form("the body", (Locations::All, Placement::Body), Presents, |token, _| body(token)),
    ]
};
