//! The forms in which a request presents a token, and what the contract, section 2, makes of each.

use serde_json::json;

use crate::tokens::{CSRF, INVALID, Token};

/// Where the deployment looks for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// In `Authorization`, as by default.
    Header,
    /// In `Authorization`, cookies, the URL and the JSON body.
    All,
}

/// What of a request decides, which not every surface sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Header,
    /// An `Authorization` header, and a parameter of the URL.
    HeaderAndQuery,
    Query,
    Cookie,
    Body,
}

/// What a form makes of the token's own verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: the token decides.
    Presents,
    /// The token was sent along by a browser: it must have a CSRF value, and the request may have
    /// to say it.
    InCookie(Csrf),
    /// The request is refused with this code, whatever the token is.
    Refuses(&'static str),
}

/// Whether the request says the CSRF value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Csrf {
    /// It says it, or need not.
    Settled,
    /// It does not, or says another one.
    Fails,
}

/// What a client sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) is_change: bool,
    pub(crate) authorization: Vec<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) cookies: Vec<String>,
    /// Values of the parameter `jwt`.
    pub(crate) queries: Vec<String>,
    pub(crate) body: Option<String>,
}

/// One form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    pub(crate) places: Places,
    pub(crate) seat: Seat,
    pub(crate) effect: Effect,
    /// The request with a token, where another good one may be as well.
    pub(crate) ask: fn(&Token, &str) -> Asked,
}

const MISSING: &str = "missing_token";
const CSRF_HEADER: &str = "x-csrf-token";

/// Cookies and headers of other applications.
const ODD_COOKIES: [&str; 6] =
    ["a=\"; b", "\u{e9}=\u{e9}", "=", "x__Host-access_token=x.y.z", "__host-ACCESS_TOKEN=x", "{}"];
const ODD_HEADERS: [(&str, &str); 4] = [
    ("x-odd", "\u{e9}\u{1f512}"),
    ("proxy-authorization", "Bearer x.y.z"),
    ("x-forwarded-for", "' OR 1=1"),
    ("accept-language", ";;q=,"),
];

fn authorization(values: &[String]) -> Asked {
    Asked { authorization: values.to_vec(), ..Asked::default() }
}

fn cookie(text: &str) -> String {
    format!("__Host-access_token={text}")
}

fn in_cookies(cookies: Vec<String>) -> Asked {
    Asked { cookies, ..Asked::default() }
}

/// A request that changes something, says that CSRF value and has its token in a cookie.
fn change(token: &Token, said: Option<&str>) -> Asked {
    let headers = said.map(|said| (CSRF_HEADER, said.to_owned())).into_iter().collect();
    Asked { is_change: true, headers, ..in_cookies(vec![cookie(&token.text)]) }
}

fn query(token: &Token) -> Asked {
    Asked { queries: vec![token.text.clone()], ..Asked::default() }
}

fn body(token: &Token) -> Asked {
    let body = json!({ "access_token": token.text }).to_string();
    let headers = vec![("content-type", "application/json".to_owned())];
    Asked { is_change: true, headers, body: Some(body), ..Asked::default() }
}

fn with_odd(asked: Asked) -> Asked {
    let mut cookies: Vec<String> = ODD_COOKIES.map(str::to_owned).into();
    cookies.extend(asked.cookies);
    let mut headers = asked.headers;
    headers.extend(ODD_HEADERS.map(|(name, value)| (name, value.to_owned())));
    Asked { headers, cookies, ..asked }
}

const fn form(
    name: &'static str,
    (places, seat): (Places, Seat),
    effect: Effect,
    ask: fn(&Token, &str) -> Asked,
) -> Form {
    Form { name, places, seat, effect, ask }
}

/// The forms.
#[rustfmt::skip]
pub(crate) const FORMS: [Form; 28] = {
    use Effect::{InCookie, Presents, Refuses};
    const HEADER: (Places, Seat) = (Places::Header, Seat::Header);
    const BESIDE: (Places, Seat) = (Places::All, Seat::Header);
    const COOKIE: (Places, Seat) = (Places::All, Seat::Cookie);
    const QUERY: (Places, Seat) = (Places::All, Seat::Query);
    const BOTH: (Places, Seat) = (Places::All, Seat::HeaderAndQuery);
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
        form("no header", HEADER, Refuses(MISSING), |_, _| Asked::default()),
        form("no scheme", HEADER, Refuses(MISSING), |token, _| authorization(std::slice::from_ref(&token.text))),
        form("another scheme", HEADER, Refuses(MISSING), |token, _| authorization(&[format!("Token {}", token.text)])),
        form("the scheme alone", HEADER, Refuses(INVALID), |_, _| authorization(&["Bearer".to_owned()])),
        form("a cookie, not configured", HEADER, Refuses(MISSING), |token, _| in_cookies(vec![cookie(&token.text)])),
        form("the URL, not configured", HEADER, Refuses(MISSING), |token, _| query(token)),
        form("the body, not configured", HEADER, Refuses(MISSING), |token, _| body(token)),
        form("a header before a cookie", BESIDE, Presents, |token, other| {
            Asked { cookies: vec![cookie(other)], ..authorization(&[format!("Bearer {}", token.text)]) }
        }),
        form("a cookie", COOKIE, InCookie(Csrf::Settled), |token, _| in_cookies(vec![cookie(&token.text)])),
        form("a cookie beside odd ones", COOKIE, InCookie(Csrf::Settled), |token, _| with_odd(in_cookies(vec![cookie(&token.text)]))),
        form("the same cookie twice", COOKIE, InCookie(Csrf::Settled), |token, _| in_cookies(vec![cookie(&token.text), cookie(&token.text)])),
        form("two cookies", COOKIE, Refuses(INVALID), |token, other| in_cookies(vec![cookie(&token.text), cookie(other)])),
        form("a change with its CSRF value", COOKIE, InCookie(Csrf::Settled), |token, _| change(token, Some(CSRF))),
        form("a change without", COOKIE, InCookie(Csrf::Fails), |token, _| change(token, None)),
        form("a change with another value", COOKIE, InCookie(Csrf::Fails), |token, _| change(token, Some("another-value"))),
        form("a change from another origin", COOKIE, InCookie(Csrf::Fails), |token, _| {
            let mut asked = change(token, Some(CSRF));
            asked.headers.push(("origin", "https://evil.example.com".to_owned()));
            asked
        }),
        form("a change by header, a cookie beside it", BESIDE, Presents, |token, other| {
            let asked = authorization(&[format!("Bearer {}", token.text)]);
            Asked { is_change: true, cookies: vec![cookie(other)], ..asked }
        }),
        form("the URL", QUERY, Presents, |token, _| query(token)),
        form("the URL and another in the header", BOTH, Refuses("invalid_request"), |token, other| {
            Asked { queries: vec![token.text.clone()], ..authorization(&[format!("Bearer {other}")]) }
        }),
        form("the body", (Places::All, Seat::Body), Presents, |token, _| body(token)),
    ]
};
