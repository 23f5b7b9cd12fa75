//! The profile of tokens, which issuer and verifier share.

use std::time::Duration;

/// The issuer, audience and lifetimes of tokens.
///
/// Issuer and verifier have the same profile: a token with a longer lifetime is refused, whatever
/// key signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProfile {
    /// The `iss` claim, compared byte for byte.
    pub issuer: String,
    /// The `aud` claim of access tokens, compared byte for byte.
    pub audience: String,
    /// Further values of `iss` that a verifier accepts.
    pub other_issuers: Vec<String>,
    /// Further values of `aud` that a verifier accepts in access tokens.
    pub other_audiences: Vec<String>,
    /// The longest lifetime of an access token.
    pub access_lifetime: Duration,
    /// The longest lifetime of a refresh token.
    pub refresh_lifetime: Duration,
    /// How much the clocks of issuer and verifier may differ; it widens `nbf`, `iat` and `exp`.
    pub leeway: Duration,
}

/// The `aud` claim of refresh tokens, which only their issuer accepts. A verifier that checks `aud`
/// never accepts one as an access token.
pub(crate) fn refresh_audience(issuer: &str) -> String {
    format!("{issuer}#refresh")
}

impl TokenProfile {
    /// The tokens of `issuer` with the defaults: the issuer is the audience, access tokens live 15
    /// minutes and refresh tokens 30 days, without leeway.
    pub fn new(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        Self {
            audience: issuer.clone(),
            issuer,
            other_issuers: Vec::new(),
            other_audiences: Vec::new(),
            access_lifetime: Duration::from_mins(15),
            refresh_lifetime: Duration::from_hours(30 * 24),
            leeway: Duration::ZERO,
        }
    }

    /// Whether `audience` has the form `<issuer>#<purpose>` of an accepted issuer. That is reserved for
    /// other tokens, which would otherwise be accepted as access tokens.
    pub fn reserves(&self, audience: &str) -> bool {
        let mut issuers = self.other_issuers.iter().chain([&self.issuer]);
        issuers.any(|issuer| {
            audience.strip_prefix(issuer.as_str()).is_some_and(|rest| rest.starts_with('#'))
        })
    }
}
