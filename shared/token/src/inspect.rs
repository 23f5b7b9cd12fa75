//! Tools for people who look at tokens.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    error::TokenError, json, key_set::KeySet, presented::PresentedToken, profile::TokenProfile,
    timestamp::Timestamp, verifier::Verifier,
};

/// The header and claims of a token whose signature was not checked. Anybody may have written it:
/// show it, but decide nothing by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedToken {
    /// The header's members, including those for which a [`Verifier`] refuses a token.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl UnverifiedToken {
    /// Decodes a token. It must have a signature, which is not checked.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] and [`TokenError::NotCompact`] as for every token;
    /// [`TokenError::BadHeader`] and [`TokenError::BadClaims`] for parts that are not an object of
    /// unique members.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let (header, payload) = PresentedToken::parse(text)?.decode()?;
        Ok(Self {
            header: json::parse_object(&header).ok_or(TokenError::BadHeader)?,
            claims: json::parse_object(&payload).ok_or(TokenError::BadClaims)?,
        })
    }
}

/// Checks a token of either type as a [`Verifier`] does, but takes the issuer, the audience and the
/// lifetime from the token itself. It serves to find out what is wrong with a token, never to grant
/// access.
///
/// # Errors
/// As [`Verifier::session`], but for [`TokenError::WrongIssuer`] and [`TokenError::LivesTooLong`];
/// [`TokenError::WrongAudience`] for a refresh token that is not for its issuer.
pub fn verify_except_parties(
    token: PresentedToken<'_>,
    keys: &KeySet,
    now: Timestamp,
) -> Result<(), TokenError> {
    let claims = token.decode().ok().and_then(|(_, payload)| json::parse_object(&payload));
    let claims = claims.unwrap_or_default();
    // Claims that are not strings are refused as claims, before they would be compared.
    let party = |name| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let profile = TokenProfile {
        issuer: party("iss"),
        audience: party("aud"),
        other_issuers: Vec::new(),
        other_audiences: Vec::new(),
        access_lifetime: Duration::MAX,
        refresh_lifetime: Duration::MAX,
        leeway: Duration::ZERO,
    };
    Verifier::new(keys, &profile).session(token, now).map(drop)
}
