//! What issuer and verifier agree on.

use std::time::Duration;

/// Who issues the tokens, for whom, and for how long they live.
///
/// Issuer and verifier hold the same profile: a token that lives longer than the verifier's
/// profile allows is refused, whoever signed it.
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
    /// The longest life of an access token.
    pub access_lifetime: Duration,
    /// The longest life of a refresh token.
    pub refresh_lifetime: Duration,
    /// How far the clocks of issuer and verifier may lie apart; it widens `nbf`, `iat` and `exp`.
    pub leeway: Duration,
}

/// The `aud` claim of an issuer's refresh tokens: only the issuer itself takes them. A verifier that
/// checks `aud` never accepts one as an access token.
pub(crate) fn refresh_audience(issuer: &str) -> String {
    format!("{issuer}#refresh")
}

impl TokenProfile {
    /// Whether `audience` is one that an accepted issuer keeps for tokens other than access tokens:
    /// `<issuer>#<purpose>`. As the audience of access tokens it would let one kind pass as another.
    pub fn reserves(&self, audience: &str) -> bool {
        let mut issuers = self.other_issuers.iter().chain([&self.issuer]);
        issuers.any(|issuer| {
            audience.strip_prefix(issuer.as_str()).is_some_and(|rest| rest.starts_with('#'))
        })
    }
}
