//! Answers of the gateway.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "test helpers panic")]

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::header::HeaderMap;
use serde_json::Value;

/// An HTTP answer of the gateway.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The response headers.
    pub headers: HeaderMap,
    /// The parsed body; `Null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The value of a header; empty for a missing one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A string member of the body; empty for a missing one.
    pub fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The token pair of a login or refresh.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Tokens {
    /// The tokens of an answer, which must be a 200.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = |member| answer.text(member).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// The claims of a token, unverified.
pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
