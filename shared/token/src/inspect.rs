//! Looking at tokens from outside: for people, who may read what nobody vouches for.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    encoding, error::TokenError, json, presented::PresentedToken, profile::TokenProfile,
    timestamp::Timestamp, verifier::Verifier, verifying::VerifyingKeys,
};

/// What a token says of itself. Anybody may have written it: it is for showing, and no decision may
/// rest on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedToken {
    /// The header's members, those for which a [`Verifier`] refuses a token among them.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl UnverifiedToken {
    /// Takes a token apart. Its signature must be there, and is not checked.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] and [`TokenError::NotCompact`] as for every token;
    /// [`TokenError::BadHeader`] and [`TokenError::BadClaims`] for parts that are not an object of
    /// unique members.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let token = PresentedToken::parse(text)?;
        let decode = |part| encoding::from_base64url(part).ok_or(TokenError::NotCompact);
        let (header, payload) = token.message().split_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = (decode(header)?, decode(payload)?);
        decode(token.signature())?;
        Ok(Self {
            header: json::parse_object(&header).ok_or(TokenError::BadHeader)?,
            claims: json::parse_object(&payload).ok_or(TokenError::BadClaims)?,
        })
    }
}

/// Everything that a [`Verifier`] checks of a token of either type but the parties and the
/// lifetime: it takes the issuer, the audience and the time from `iat` to `exp` from the token
/// itself. It is for finding out what is wrong with a token, never for letting anybody in.
///
/// # Errors
/// As [`Verifier::session`], but for [`TokenError::WrongIssuer`] and [`TokenError::LivesTooLong`];
/// [`TokenError::WrongAudience`] for a refresh token that is not for its issuer.
pub fn verify_except_parties(
    token: PresentedToken<'_>,
    keys: &VerifyingKeys,
    now: Timestamp,
) -> Result<(), TokenError> {
    let unverified = token.payload().as_deref().and_then(json::parse_object).unwrap_or_default();
    // Parties that are no text fail as claims, before they would be compared.
    let party =
        |claim| unverified.get(claim).and_then(Value::as_str).unwrap_or_default().to_owned();
    let profile = TokenProfile {
        issuer: party("iss"),
        audience: party("aud"),
        other_issuers: Vec::new(),
        other_audiences: Vec::new(),
        access_lifetime: Duration::MAX,
        refresh_lifetime: Duration::MAX,
        leeway: Duration::ZERO,
    };
    Verifier::new(keys.clone(), profile).session(token, now).map(drop)
}
