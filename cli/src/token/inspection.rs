//! The result of `latchkey token inspect`, as text and JSON.

use latchkey_token::{
    PresentedToken, Timestamp, TokenError,
    inspect::{UnverifiedToken, verify_except_parties},
};
use serde_json::{Map, Value, json};

use super::{keys::InspectionKeys, status::TokenStatus};
use crate::{
    format,
    output::{self, safe},
};

/// Claims that are Unix times.
const MOMENTS: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];

/// The content of a token and the result of its verification.
pub(super) struct Inspection {
    status: TokenStatus,
    reason: Option<TokenError>,
    /// `None` for a malformed token.
    token: Option<UnverifiedToken>,
    key: Value,
    now: Timestamp,
}

impl Inspection {
    /// Verifies a token if there are keys.
    pub(super) fn of(
        text: &str,
        token: UnverifiedToken,
        keys: Option<&InspectionKeys>,
        now: Timestamp,
    ) -> Self {
        let checked = keys
            .map(|keys| verify_except_parties(PresentedToken::parse(text)?, keys.verifying(), now));
        Self {
            status: TokenStatus::of(checked),
            reason: checked.and_then(Result::err),
            key: describe_key(&token.header, keys),
            token: Some(token),
            now,
        }
    }

    /// The result for a text that is not a token.
    pub(super) fn malformed(reason: TokenError, now: Timestamp) -> Self {
        let status = TokenStatus::of(Some(Err(reason)));
        Self { status, reason: Some(reason), token: None, key: Value::Null, now }
    }

    pub(super) const fn is_success(&self) -> bool {
        self.status.is_success()
    }

    pub(super) fn json(&self) -> String {
        output::json(&json!({
            "verdict": self.status.name(),
            "reason": self.reason.map(|reason| reason.to_string()),
            "header": self.token.as_ref().map(|token| &token.header),
            "claims": self.token.as_ref().map(|token| &token.claims),
            "key": self.key,
            "issued_at": self.moment("iat"),
            "expires_at": self.moment("exp"),
            "checked_at": self.now,
        }))
    }

    /// The status is first, because the token controls the rest.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.status.sentence(self.reason));
        if let Some(token) = &self.token {
            text.extend(["\nHeader\n", &members(&token.header)]);
            text.extend(["\nClaims\n", &members(&token.claims)]);
            text.extend(["\nKey  ", &self.key_text(), "\nAge  ", &self.age(), "\n"]);
        }
        text
    }

    fn moment(&self, claim: &str) -> Option<Timestamp> {
        self.token.as_ref()?.claims.get(claim)?.as_u64().map(Timestamp::from_unix)
    }

    fn age(&self) -> String {
        let issued =
            self.moment("iat").map(|at| format!("issued {}", format::relative(at, self.now)));
        let expiry = self.moment("exp").map(|at| {
            let verb = if at > self.now { "expires" } else { "expired" };
            format!("{verb} {}", format::relative(at, self.now))
        });
        let known: Vec<_> = issued.into_iter().chain(expiry).collect();
        if known.is_empty() { "unknown".to_owned() } else { known.join(", ") }
    }

    fn key_text(&self) -> String {
        let parts = ["kid", "algorithm", "state"].map(|member| match self.key.get(member) {
            // Quoted, because a `kid` can imitate the rest of the line.
            Some(Value::String(kid)) if member == "kid" => Some(safe(&quoted(kid))),
            Some(Value::String(known)) => Some(known.clone()),
            Some(_) | None => None,
        });
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }
}

/// The key that a header names, with algorithm and state of a known one.
fn describe_key(header: &Map<String, Value>, keys: Option<&InspectionKeys>) -> Value {
    let Some(kid) = header.get("kid").and_then(Value::as_str) else {
        return Value::Null;
    };
    let known = keys.and_then(|keys| keys.describe(kid));
    json!({
        "kid": kid,
        "algorithm": known.map(|(algorithm, _)| algorithm.name()),
        "state": known.and_then(|(_, state)| state),
    })
}

/// One member per line, as JSON, so that a text cannot imitate other lines.
fn members(object: &Map<String, Value>) -> String {
    let rows: Vec<_> = object
        .iter()
        .map(|(name, value)| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-#.".contains(c);
            let name = if name.chars().all(is_plain) { name.clone() } else { quoted(name) };
            let text = with_date(&name, value);
            [name, text]
        })
        .collect();
    format::indented(&rows)
}

fn with_date(name: &str, value: &Value) -> String {
    let moment = value.as_u64().filter(|_| MOMENTS.contains(&name)).map(Timestamp::from_unix);
    match moment.and_then(Timestamp::to_rfc3339) {
        Some(date) => format!("{value} ({date})"),
        None => value.to_string(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
