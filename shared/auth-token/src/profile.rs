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
    /// The `aud` claim, compared byte for byte.
    pub audience: String,
    /// Further values of `iss` that a verifier accepts.
    pub other_issuers: Vec<String>,
    /// Further values of `aud` that a verifier accepts.
    pub other_audiences: Vec<String>,
    /// The longest life of an access token.
    pub access_lifetime: Duration,
    /// The longest life of a refresh token.
    pub refresh_lifetime: Duration,
    /// How far the clocks of issuer and verifier may lie apart; it widens `nbf`, `iat` and `exp`.
    pub leeway: Duration,
}
