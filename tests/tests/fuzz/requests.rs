//! Random requests.

use std::fmt;

use latchkey_tests::stack::{PASSWORD, Stack};
use reqwest::{
    Method, RequestBuilder,
    header::{HeaderName, HeaderValue},
};
use serde_json::json;

use super::{Random, bodies::body, corpus::Corpus};

/// Every route with a path; some are more frequent.
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

/// API Gateway's limit for the request line plus all headers.
const HEADER_BYTES: usize = 10_240;

/// A random request.
#[derive(Clone)]
pub(crate) struct FuzzRequest {
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

/// Truncates long parts.
impl fmt::Debug for FuzzRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.600}", self.method, self.target)?;
        for (name, value) in &self.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            write!(f, "\n{name}: {value:.1200}")?;
        }
        write!(f, "\n\n{:.1200}", String::from_utf8_lossy(&self.body))
    }
}

impl FuzzRequest {
    /// A random request. One in a hundred makes the function hash a password.
    pub(crate) fn generate(random: &mut Random, corpus: &Corpus) -> Self {
        if random.one_in(100) {
            return Self::with_password(random, corpus);
        }
        let (method, path) = random.one_of(&ROUTES).clone();
        let method = if random.one_in(5) { any_method(random) } else { method };
        let mut request = Self {
            method,
            target: target(random, corpus, path),
            headers: Vec::new(),
            body: Vec::new(),
        };
        request.add_headers(random, corpus);
        if !random.one_in(4) {
            request.body = body(random, corpus);
        }
        // The gateway refuses such a request without reading the body, which the client may still send.
        if request.header_bytes() > HEADER_BYTES - 1_000 {
            request.body.clear();
        }
        request
    }

    /// A well-formed request that makes the function hash a password.
    fn with_password(random: &mut Random, corpus: &Corpus) -> Self {
        let username = random.one_of(&corpus.usernames).clone();
        let wrong = format!("not {PASSWORD}");
        let cookies =
            random.one_of(&[json!(true), json!(false), json!("yes"), json!(null)]).clone();
        let (method, path, body) = match random.below(8) {
            0 => (Method::POST, "/login", json!({ "username": username, "password": wrong })),
            1 => (
                Method::POST,
                "/login",
                json!({ "username": username, "password": PASSWORD, "cookies": cookies }),
            ),
            2 => {
                (Method::POST, "/login", json!({ "username": random.word(), "password": PASSWORD }))
            }
            3 => (Method::POST, "/auth", json!({ "username": username, "password": PASSWORD })),
            4 => (Method::POST, "/signup", json!({ "username": username, "password": PASSWORD })),
            5 => (
                Method::POST,
                "/signup",
                json!({ "username": random.word(), "password": PASSWORD, "email": random.text() }),
            ),
            6 => (
                Method::POST,
                "/password",
                json!({ "current_password": wrong, "new_password": PASSWORD }),
            ),
            _ => (Method::DELETE, "/me", json!({ "password": wrong })),
        };
        let mut request = Self {
            method,
            target: path.to_owned(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        };
        let token = random.one_of(&corpus.access).clone();
        request.add("authorization", format!("Bearer {token}"));
        request.add("content-type", "application/json");
        request
    }

    /// The request to a stack.
    pub(crate) fn on(&self, stack: &Stack) -> RequestBuilder {
        let request = stack.request(self.method.clone(), &self.target).body(self.body.clone());
        let headers = self.headers.iter().cloned();
        headers.fold(request, |request, (name, value)| request.header(name, value))
    }

    fn header_bytes(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        // Percent-encoding may triple the length of the target.
        self.target.len() * 3 + headers.sum::<usize>()
    }

    /// Adds a header, unless the value is invalid in a header.
    fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_ref())) {
            self.headers.push((name, value));
        }
    }

    fn add_headers(&mut self, random: &mut Random, corpus: &Corpus) {
        if !random.one_in(3) {
            self.add("authorization", authorization(random, corpus));
        }
        if random.one_in(20) {
            self.add("authorization", authorization(random, corpus));
        }
        if random.one_in(3) {
            let separator = *random.one_of(&["; ", ";", ", ", ";;; "]);
            let cookies: Vec<_> = (0..=random.below(3)).map(|_| corpus.cookie(random)).collect();
            self.add("cookie", cookies.join(separator));
        }
        if random.one_in(4) {
            let value = if corpus.csrf.is_empty() || random.one_in(3) {
                random.text()
            } else {
                random.one_of(&corpus.csrf).clone()
            };
            self.add("x-csrf-token", value);
        }
        if !random.one_in(5) {
            self.add("content-type", content_type(random));
        }
        for _ in 0..random.below(4) {
            let value = if random.one_in(2) { random.bytes() } else { random.text().into_bytes() };
            let name = match random.below(12) {
                0 => "origin".to_owned(),
                1 => "host".to_owned(),
                2 => "user-agent".to_owned(),
                3 => "x-forwarded-for".to_owned(),
                4 => "x-forwarded-proto".to_owned(),
                5 => "content-encoding".to_owned(),
                6 => "accept".to_owned(),
                7 => "referer".to_owned(),
                _ => format!("x-{}", random.word()),
            };
            self.add(&name, value);
        }
        if random.one_in(10) {
            let origin =
                *random.one_of(&["null", "http://127.0.0.1", "https://evil.example", ":::"]);
            self.add("origin", origin);
        }
        if random.one_in(30) {
            self.add(&format!("x-{}", random.word()), random.long_text());
        }
    }
}

fn any_method(random: &mut Random) -> Method {
    let name = random.one_of(&[
        "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get",
    ]);
    Method::from_bytes(name.as_bytes()).unwrap()
}

/// A mutation of the path, mostly the path itself, and sometimes a query.
fn target(random: &mut Random, corpus: &Corpus, path: &str) -> String {
    let path = match random.below(16) {
        0 => format!("{path}/"),
        1 => format!("/{path}"),
        2 => path.to_uppercase(),
        3 => format!("{path}/{}", random.text()),
        4 => format!("/{}", random.text()),
        5 => format!("{}{}", path.trim_end_matches(char::is_alphabetic), random.text()),
        6 if random.one_in(4) => format!("{path}/{}", random.long_text()),
        _ => path.to_owned(),
    };
    if random.one_in(2) { path } else { format!("{path}?{}", query(random, corpus)) }
}

fn query(random: &mut Random, corpus: &Corpus) -> String {
    let pairs: Vec<_> = (0..random.below(4))
        .map(|_| {
            let name = match random.below(8) {
                0 => random.text(),
                1 => "JWT".to_owned(),
                2 => "jwt[]".to_owned(),
                3 => "keep".to_owned(),
                _ => "jwt".to_owned(),
            };
            match random.below(6) {
                0 => name,
                1 => format!("{name}=current"),
                2 => format!("{name}={}", random.text()),
                _ => format!("{name}={}", corpus.token(random)),
            }
        })
        .collect();
    pairs.join(*random.one_of(&["&", "&", "&&", ";"]))
}

fn authorization(random: &mut Random, corpus: &Corpus) -> String {
    let token = corpus.token(random);
    match random.below(12) {
        0 => token,
        1 => format!("bearer {token}"),
        2 => format!("JWT {token}"),
        3 => format!("Bearer  {token}"),
        4 => format!("Bearer {token}, Bearer {}", corpus.token(random)),
        5 => format!("Basic {token}"),
        6 => (*random.one_of(&["Bearer", "Bearer ", "JWT", "Bearer,", "Bearer \t"])).to_owned(),
        _ => format!("Bearer {token}"),
    }
}

fn content_type(random: &mut Random) -> String {
    match random.below(10) {
        0 => random.text(),
        1 => "text/plain".to_owned(),
        2 => "application/x-www-form-urlencoded".to_owned(),
        3 => "application/json; charset=utf-8".to_owned(),
        _ => "application/json".to_owned(),
    }
}
