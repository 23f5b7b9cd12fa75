//! A fake browser with cookies.

use std::collections::BTreeSet;

use latchkey_tests::stack::{Answer, PASSWORD, Settings};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::api::{Api, credentials, with_changes};

/// A parsed `Set-Cookie`.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) attributes: BTreeSet<String>,
}

impl Cookie {
    pub(crate) fn max_age(&self) -> Option<u64> {
        self.attributes.iter().find_map(|text| text.strip_prefix("max-age=")?.parse().ok())
    }

    /// Name and attributes without the lifetime, which identify the cookie in a browser.
    pub(crate) fn identity(&self) -> (&str, BTreeSet<&str>) {
        let is_lifetime = |text: &str| text.starts_with("max-age=") || text.starts_with("expires=");
        let attributes = self.attributes.iter().map(String::as_str);
        (self.name.as_str(), attributes.filter(|text| !is_lifetime(text)).collect())
    }
}

/// The cookies that an answer sets, with attributes in lower case.
pub(crate) fn cookies_of(answer: &Answer) -> Vec<Cookie> {
    let lines = answer.headers.get_all("set-cookie").iter();
    lines
        .map(|line| {
            let mut parts = line.to_str().unwrap().split(';').map(str::trim);
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let (name, value) = (name.to_owned(), value.to_owned());
            Cookie { name, value, attributes: parts.map(str::to_ascii_lowercase).collect() }
        })
        .collect()
}

/// A browser after a login with cookies, and the CSRF values that its page knows.
pub(crate) struct Browser {
    pub(crate) cookies: Vec<Cookie>,
    pub(crate) access_csrf: String,
    pub(crate) refresh_csrf: String,
}

impl Browser {
    pub(crate) async fn log_in(api: &Api, username: &str) -> Self {
        let body = with_changes(&credentials(username, PASSWORD), json!({ "cookies": true }));
        Self::of(&api.post("/login", &body).await)
    }

    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |member| answer.text(member).to_owned();
        let (access_csrf, refresh_csrf) = (text("csrf_access_token"), text("csrf_refresh_token"));
        Self { cookies: cookies_of(answer), access_csrf, refresh_csrf }
    }

    pub(crate) fn cookie(&self, name: &str) -> &Cookie {
        self.cookies.iter().find(|cookie| cookie.name == name).unwrap()
    }

    /// The `Cookie` header with all cookies.
    pub(crate) fn cookie_header(&self) -> String {
        let pairs: Vec<_> =
            self.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        pairs.join("; ")
    }

    pub(crate) fn request(&self, api: &Api, method: Method, path: &str) -> RequestBuilder {
        api.request(method, path).header("cookie", self.cookie_header())
    }

    /// A request of the page's script with a CSRF value.
    pub(crate) fn request_with(
        &self,
        csrf: &str,
        api: &Api,
        method: Method,
        path: &str,
    ) -> RequestBuilder {
        self.request(api, method, path).header("x-csrf-token", csrf)
    }
}

pub(crate) fn with_cookies() -> Settings {
    Settings::default().variable("JWT_TOKEN_LOCATION", "headers,cookies")
}

/// Pairs of a token's cookie and the cookie with its CSRF value.
pub(crate) const COOKIES: [(&str, &str); 2] = [
    ("__Host-access_token", "__Host-csrf_access_token"),
    ("__Host-refresh_token", "__Host-csrf_refresh_token"),
];
