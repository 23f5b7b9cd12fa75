//! Requests of any kind.

use std::fmt;

use latchkey_tests::stack::{PASSWORD, Stack};
use reqwest::{
    Method, RequestBuilder,
    header::{HeaderName, HeaderValue},
};
use serde_json::json;

use super::{Dice, bodies::body, stock::Stock};

/// Every route, and what it is called under.
const ROUTES: [(Method, &str); 24] = [
    (Method::POST, "/signup"),
    (Method::POST, "/login"),
    (Method::POST, "/auth"),
    (Method::POST, "/refresh"),
    (Method::POST, "/refresh"),
    (Method::POST, "/logout"),
    (Method::DELETE, "/logout"),
    (Method::GET, "/me"),
    (Method::DELETE, "/me"),
    (Method::POST, "/password"),
    (Method::GET, "/sessions"),
    (Method::DELETE, "/sessions"),
    (Method::DELETE, "/sessions/a-session"),
    (Method::GET, "/protected"),
    (Method::GET, "/protected"),
    (Method::GET, "/protected/optional"),
    (Method::GET, "/protected/fresh"),
    (Method::GET, "/protected/admin"),
    (Method::GET, "/workitems"),
    (Method::POST, "/workitems"),
    (Method::DELETE, "/workitems/an-item"),
    (Method::GET, "/.well-known/jwks.json"),
    (Method::GET, "/.well-known/openid-configuration"),
    (Method::GET, "/health"),
];

/// API Gateway's limit for the request line and the headers, over which no body is read.
const HEADER_BYTES: usize = 10_240;

/// A request.
#[derive(Clone)]
pub(crate) struct Noise {
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

/// Whole but for what is very long.
impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.600}", self.method, self.target)?;
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            write!(f, "\n{name}: {value:.1200}")?;
        }
        write!(f, "\n\n{:.1200}", String::from_utf8_lossy(&self.body))
    }
}

impl Noise {
    /// Any request. One in a hundred makes its function hash a password.
    pub(crate) fn random(dice: &mut Dice, stock: &Stock) -> Self {
        if dice.once_in(100) {
            return Self::that_hashes(dice, stock);
        }
        let (method, path) = dice.one_of(&ROUTES).clone();
        let method = if dice.once_in(5) { any_method(dice) } else { method };
        let mut noise = Self {
            method,
            target: target(dice, stock, path),
            headers: Vec::new(),
            body: Vec::new(),
        };
        noise.add_headers(dice, stock);
        if !dice.once_in(4) {
            noise.body = body(dice, stock);
        }
        // The gateway refuses such a request unread, and the client may not have finished yet.
        if noise.header_bytes() > HEADER_BYTES - 1_000 {
            noise.body.clear();
        }
        noise
    }

    /// A well-formed request whose password has to be looked at.
    fn that_hashes(dice: &mut Dice, stock: &Stock) -> Self {
        let username = dice.one_of(&stock.usernames).clone();
        let wrong = format!("not {PASSWORD}");
        let cookies = dice.one_of(&[json!(true), json!(false), json!("yes"), json!(null)]).clone();
        let (method, path, body) = match dice.below(8) {
            0 => (Method::POST, "/login", json!({ "username": username, "password": wrong })),
            1 => (
                Method::POST,
                "/login",
                json!({ "username": username, "password": PASSWORD, "cookies": cookies }),
            ),
            2 => (Method::POST, "/login", json!({ "username": dice.word(), "password": PASSWORD })),
            3 => (Method::POST, "/auth", json!({ "username": username, "password": PASSWORD })),
            4 => (Method::POST, "/signup", json!({ "username": username, "password": PASSWORD })),
            5 => (
                Method::POST,
                "/signup",
                json!({ "username": dice.word(), "password": PASSWORD, "email": dice.text() }),
            ),
            6 => (
                Method::POST,
                "/password",
                json!({ "current_password": wrong, "new_password": PASSWORD }),
            ),
            _ => (Method::DELETE, "/me", json!({ "password": wrong })),
        };
        let mut noise = Self {
            method,
            target: path.to_owned(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        };
        let token = dice.one_of(&stock.access).clone();
        noise.add("authorization", format!("Bearer {token}"));
        noise.add("content-type", "application/json");
        noise
    }

    /// The request, ready to be sent.
    pub(crate) fn on(&self, stack: &Stack) -> RequestBuilder {
        let request = stack.request(self.method.clone(), &self.target).body(self.body.clone());
        let headers = self.headers.iter().cloned();
        headers.fold(request, |request, (name, value)| request.header(name, value))
    }

    fn header_bytes(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        // An address may triple when it is written with percent signs.
        self.target.len() * 3 + headers.sum::<usize>()
    }

    /// Adds a header, unless its value cannot be written into one.
    fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_ref())) {
            self.headers.push((name, value));
        }
    }

    fn add_headers(&mut self, dice: &mut Dice, stock: &Stock) {
        if !dice.once_in(3) {
            self.add("authorization", authorization(dice, stock));
        }
        if dice.once_in(20) {
            self.add("authorization", authorization(dice, stock));
        }
        if dice.once_in(3) {
            let separator = *dice.one_of(&["; ", ";", ", ", ";;; "]);
            let cookies: Vec<_> = (0..=dice.below(3)).map(|_| stock.cookie(dice)).collect();
            self.add("cookie", cookies.join(separator));
        }
        if dice.once_in(4) {
            let value = if stock.csrf.is_empty() || dice.once_in(3) {
                dice.text()
            } else {
                dice.one_of(&stock.csrf).clone()
            };
            self.add("x-csrf-token", value);
        }
        if !dice.once_in(5) {
            self.add("content-type", content_type(dice));
        }
        for _ in 0..dice.below(4) {
            let value = if dice.once_in(2) { dice.bytes() } else { dice.text().into_bytes() };
            let name = match dice.below(12) {
                0 => "origin".to_owned(),
                1 => "host".to_owned(),
                2 => "user-agent".to_owned(),
                3 => "x-forwarded-for".to_owned(),
                4 => "x-forwarded-proto".to_owned(),
                5 => "content-encoding".to_owned(),
                6 => "accept".to_owned(),
                7 => "referer".to_owned(),
                _ => format!("x-{}", dice.word()),
            };
            self.add(&name, value);
        }
        if dice.once_in(10) {
            let origin = *dice.one_of(&["null", "http://127.0.0.1", "https://evil.example", ":::"]);
            self.add("origin", origin);
        }
        if dice.once_in(30) {
            self.add(&format!("x-{}", dice.word()), dice.long_text());
        }
    }
}

fn any_method(dice: &mut Dice) -> Method {
    let name = dice.one_of(&[
        "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get",
    ]);
    Method::from_bytes(name.as_bytes()).unwrap()
}

/// A path, mostly the one that is given, and a query.
fn target(dice: &mut Dice, stock: &Stock, path: &str) -> String {
    let path = match dice.below(16) {
        0 => format!("{path}/"),
        1 => format!("/{path}"),
        2 => path.to_uppercase(),
        3 => format!("{path}/{}", dice.text()),
        4 => format!("/{}", dice.text()),
        5 => format!("{}{}", path.trim_end_matches(char::is_alphabetic), dice.text()),
        6 if dice.once_in(4) => format!("{path}/{}", dice.long_text()),
        _ => path.to_owned(),
    };
    if dice.once_in(2) { path } else { format!("{path}?{}", query(dice, stock)) }
}

fn query(dice: &mut Dice, stock: &Stock) -> String {
    let pairs: Vec<_> = (0..dice.below(4))
        .map(|_| {
            let name = match dice.below(8) {
                0 => dice.text(),
                1 => "JWT".to_owned(),
                2 => "jwt[]".to_owned(),
                3 => "keep".to_owned(),
                _ => "jwt".to_owned(),
            };
            match dice.below(6) {
                0 => name,
                1 => format!("{name}=current"),
                2 => format!("{name}={}", dice.text()),
                _ => format!("{name}={}", stock.token(dice)),
            }
        })
        .collect();
    pairs.join(*dice.one_of(&["&", "&", "&&", ";"]))
}

fn authorization(dice: &mut Dice, stock: &Stock) -> String {
    let token = stock.token(dice);
    match dice.below(12) {
        0 => token,
        1 => format!("bearer {token}"),
        2 => format!("JWT {token}"),
        3 => format!("Bearer  {token}"),
        4 => format!("Bearer {token}, Bearer {}", stock.token(dice)),
        5 => format!("Basic {token}"),
        6 => (*dice.one_of(&["Bearer", "Bearer ", "JWT", "Bearer,", "Bearer \t"])).to_owned(),
        _ => format!("Bearer {token}"),
    }
}

fn content_type(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => dice.text(),
        1 => "text/plain".to_owned(),
        2 => "application/x-www-form-urlencoded".to_owned(),
        3 => "application/json; charset=utf-8".to_owned(),
        _ => "application/json".to_owned(),
    }
}
