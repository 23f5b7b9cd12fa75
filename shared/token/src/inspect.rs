//! Diagnostics: decode a token without trusting it. Never grant access by this module.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    error::TokenError, json, key_set::KeySet, presented::PresentedToken, profile::TokenProfile,
    timestamp::Timestamp, verifier::Verifier,
};

/// The header and claims of a token whose signature was not checked. Anyone may have written them:
/// display them, but base no decision on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedToken {
    /// The members of the header, including those that a [`Verifier`] refuses.
    pub header: Map<String, Value>,
    /// The claims by name.
    pub claims: Map<String, Value>,
}

impl UnverifiedToken {
    /// Decodes a token. A signature must be present but is not checked.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] and [`TokenError::NotCompact`] as in [`PresentedToken::parse`];
    /// [`TokenError::BadHeader`] and [`TokenError::BadClaims`] if header or payload is not a JSON
    /// object of unique members.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let (header, payload) = PresentedToken::parse(text)?.decode()?;
        Ok(Self {
            header: json::parse_object(&header).ok_or(TokenError::BadHeader)?,
            claims: json::parse_object(&payload).ok_or(TokenError::BadClaims)?,
        })
    }
}

/// Checks a token of either type like a [`Verifier`], but accepts any issuer, audience and
/// lifetime. Use it to diagnose a token, never to grant access. The leeway is 0.
///
/// # Errors
/// As [`Verifier::session`], without [`TokenError::WrongIssuer`] and [`TokenError::LivesTooLong`].
/// [`TokenError::WrongAudience`] only for a refresh token whose `aud` is not `<iss>#refresh`.
pub fn verify_except_parties(
    token: PresentedToken<'_>,
    keys: &KeySet,
    now: Timestamp,
) -> Result<(), TokenError> {
    let claims = token.decode().ok().and_then(|(_, payload)| json::parse_object(&payload));
    let claims = claims.unwrap_or_default();
    // The verifier refuses claims that are not strings before it compares them.
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
