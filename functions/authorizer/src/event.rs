//! What API Gateway asks.
//!
//! Only the members that decide are read, so that no odd header can break an invocation.

use std::collections::HashMap;

use auth_api::{Refusal, bearer_token};
use auth_token::TokenError;
use serde::Deserialize;

/// A question of any kind of API; anything else reads as a question without a token.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct AuthorizerEvent {
    version: Option<String>,
    r#type: Option<String>,
    method_arn: Option<String>,
    authorization_token: Option<String>,
    identity_source: Option<IdentitySource>,
    headers: Option<HashMap<String, String>>,
    multi_value_headers: Option<HashMap<String, Vec<String>>>,
}

/// Format 2.0 sends a list, format 1.0 one text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum IdentitySource {
    Many(Vec<String>),
    One(#[expect(dead_code, reason = "1.0 joins sources, so its headers are read")] String),
}

const AUTHORIZATION: &str = "authorization";

impl AuthorizerEvent {
    pub(crate) fn parse(json: &str) -> Self {
        serde_json::from_str::<Option<Self>>(json).ok().flatten().unwrap_or_default()
    }

    /// Whether the answer is a policy: for every kind of API but an HTTP API with format 2.0.
    pub(crate) fn wants_policy(&self) -> bool {
        self.version.as_deref() != Some("2.0")
    }

    /// The route that was called, in an API that wants a policy.
    pub(crate) fn method_arn(&self) -> Option<&str> {
        self.method_arn.as_deref()
    }

    /// The token that was presented.
    pub(crate) fn token(&self) -> Result<&str, Refusal> {
        bearer_token(self.credential()?)
    }

    /// The one value that the gateway caches by; a decision that looked elsewhere could be
    /// handed to somebody else.
    fn credential(&self) -> Result<&str, Refusal> {
        if self.r#type.as_deref() == Some("TOKEN") {
            return self.authorization_token.as_deref().ok_or(Refusal::NoToken);
        }
        if let Some(IdentitySource::Many(values)) = &self.identity_source {
            return values.first().map(String::as_str).ok_or(Refusal::NoToken);
        }
        let mut values: Vec<_> = self.authorization_headers().collect();
        values.sort_unstable();
        values.dedup();
        match values[..] {
            [] => Err(Refusal::NoToken),
            [value] => Ok(value),
            // Two parsers of this event could see two callers.
            _ => Err(Refusal::Token(TokenError::NotCompact)),
        }
    }

    /// Every `Authorization` value, from both maps and under any spelling of the name.
    fn authorization_headers(&self) -> impl Iterator<Item = &str> {
        let is_ours = |name: &String| name.eq_ignore_ascii_case(AUTHORIZATION);
        let single = self.headers.iter().flatten();
        let multi = self.multi_value_headers.iter().flatten();
        single.filter(move |(name, _)| is_ours(name)).map(|(_, value)| value.as_str()).chain(
            multi
                .filter(move |(name, _)| is_ours(name))
                .flat_map(|(_, values)| values.iter().map(String::as_str)),
        )
    }
}
