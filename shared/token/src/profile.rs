//! The profile that issuer and verifier share.

use std::time::Duration;

/// Issuer, audience and lifetimes of tokens.
///
/// Give issuer and verifier the same profile: a verifier refuses tokens with a longer lifetime than
/// its own profile allows. Durations count in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProfile {
    /// `iss` of new tokens, usually the https URL of the deployment. Compared byte for byte.
    pub issuer: String,
    /// `aud` of new access tokens. Compared byte for byte. That of refresh tokens is
    /// `<iss>#refresh`.
    pub audience: String,
    /// Further values of `iss` that a verifier accepts.
    pub other_issuers: Vec<String>,
    /// Further values of `aud` that a verifier accepts in access tokens.
    pub other_audiences: Vec<String>,
    /// Maximum lifetime of an access token, from `iat` to `exp`.
    pub access_lifetime: Duration,
    /// Maximum lifetime of a refresh token, from `iat` to `exp`.
    pub refresh_lifetime: Duration,
    /// Tolerated clock difference between issuer and verifier. Applies to `nbf`, `iat` and `exp`
    /// (RFC 7519 §4.1.4).
    pub leeway: Duration,
}

/// The `aud` claim of refresh tokens. Because it differs from every accepted audience, a verifier
/// that checks `aud` never accepts a refresh token as an access token.
pub(crate) fn refresh_audience(issuer: &str) -> String {
    format!("{issuer}#refresh")
}

impl TokenProfile {
    /// The profile of `issuer` with the defaults of a deployment: `aud` is the issuer, access
    /// tokens live 15 minutes, refresh tokens 30 days, the leeway is 0.
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

    /// Whether `audience` has the form `<issuer>#…` of an accepted issuer. The form is reserved for
    /// other types of token. Do not configure it as an audience: a refresh token could then pass as
    /// an access token in verifiers that ignore `typ`.
    pub fn reserves(&self, audience: &str) -> bool {
        let mut issuers = self.other_issuers.iter().chain([&self.issuer]);
        issuers.any(|issuer| {
            audience.strip_prefix(issuer.as_str()).is_some_and(|rest| rest.starts_with('#'))
        })
    }
}
