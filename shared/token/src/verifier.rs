//! Checking tokens, in the one order in which it is safe.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    additional::{AdditionalClaims, RESERVED_CLAIMS},
    claims::{AccessClaims, RefreshClaims, SessionClaims, TokenType},
    encoding,
    error::TokenError,
    header::UnverifiedHeader,
    id::{SessionId, TokenId, UserId},
    json,
    presented::PresentedToken,
    profile::{TokenProfile, refresh_audience},
    seen::SeenTokens,
    timestamp::Timestamp,
    verifying::VerifyingKeys,
};

/// The claims as they are written. A missing, repeated or mistyped one fails the whole token.
#[derive(Clone, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: UserId,
    username: String,
    sid: SessionId,
    #[serde(default, rename = "gen")]
    generation: Option<u64>,
    jti: TokenId,
    iat: Timestamp,
    nbf: Timestamp,
    exp: Timestamp,
    auth_time: Timestamp,
    r#type: String,
    fresh: bool,
    #[serde(default)]
    roles: Vec<String>,
    csrf: Option<String>,
    #[serde(skip)]
    additional: AdditionalClaims,
}

impl Payload {
    /// Reads the claims that have a meaning of ours, and keeps the others.
    fn parse(json: &[u8]) -> Option<Self> {
        let (reserved, additional): (Map<_, _>, Map<_, _>) = json::parse_object(json)?
            .into_iter()
            .partition(|(name, _)| RESERVED_CLAIMS.contains(&name.as_str()));
        let payload: Self = serde_json::from_value(Value::Object(reserved)).ok()?;
        Some(Self { additional: AdditionalClaims::of_token(additional), ..payload })
    }
}

impl From<Payload> for SessionClaims {
    fn from(claims: Payload) -> Self {
        Self { user: claims.sub, username: claims.username, session: claims.sid, csrf: claims.csrf }
    }
}

/// A token that one of our keys has signed. Whether it is valid now is another question.
#[derive(Clone)]
struct Genuine {
    token_type: TokenType,
    claims: Payload,
    /// From when on its key is not accepted.
    key_until: Option<Timestamp>,
}

/// Accepts the tokens of one profile, signed by one of a set of keys.
///
/// It remembers the last tokens that it found genuine, and judges their times anew.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: VerifyingKeys,
    profile: TokenProfile,
    seen: Arc<SeenTokens<Genuine>>,
}

impl Verifier {
    /// A verifier of tokens for `profile`, signed with one of `keys`.
    pub fn new(keys: VerifyingKeys, profile: TokenProfile) -> Self {
        Self { keys, profile, seen: Arc::new(SeenTokens::new()) }
    }

    /// How far `nbf`, `iat` and `exp` are widened.
    pub const fn leeway(&self) -> Duration {
        self.profile.leeway
    }

    /// The claims of a valid access token.
    ///
    /// # Errors
    /// The first [`TokenError`] in the order: form, header, key, signature, type, issuer and
    /// audience, times. [`TokenError::Expired`] is the last, so it is told to genuine tokens only.
    pub fn access(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<AccessClaims, TokenError> {
        let claims = self.verify(token, Some(TokenType::Access), now)?;
        Ok(AccessClaims {
            user: claims.sub,
            username: claims.username,
            session: claims.sid,
            token: claims.jti,
            auth_time: claims.auth_time,
            expires_at: claims.exp,
            fresh: claims.fresh,
            roles: claims.roles,
            csrf: claims.csrf,
            claims: claims.additional,
        })
    }

    /// The claims of a valid refresh token.
    ///
    /// # Errors
    /// As [`Verifier::access`].
    pub fn refresh(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<RefreshClaims, TokenError> {
        let claims = self.verify(token, Some(TokenType::Refresh), now)?;
        Ok(RefreshClaims {
            generation: claims.generation.ok_or(TokenError::BadClaims)?,
            user: claims.sub,
            username: claims.username,
            session: claims.sid,
            token: claims.jti,
            auth_time: claims.auth_time,
            expires_at: claims.exp,
            csrf: claims.csrf,
        })
    }

    /// The session that a valid token of either type names.
    ///
    /// # Errors
    /// As [`Verifier::access`], but for [`TokenError::WrongType`].
    pub fn session(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<SessionClaims, TokenError> {
        self.verify(token, None, now).map(SessionClaims::from)
    }

    /// The session that a token of either type names which is valid or was until its `exp`.
    ///
    /// # Errors
    /// As [`Verifier::session`], but for [`TokenError::Expired`].
    pub fn session_of_expired(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<SessionClaims, TokenError> {
        let (claims, token_type) = self.genuine(token, None, now)?;
        match self.check_times(&claims, token_type, now) {
            Ok(()) | Err(TokenError::Expired) => Ok(claims.into()),
            Err(error) => Err(error),
        }
    }

    fn verify(
        &self,
        token: PresentedToken<'_>,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<Payload, TokenError> {
        let (claims, token_type) = self.genuine(token, expected, now)?;
        self.check_times(&claims, token_type, now)?;
        Ok(claims)
    }

    /// The claims of a token that is valid but for its times.
    fn genuine(
        &self,
        token: PresentedToken<'_>,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<(Payload, TokenType), TokenError> {
        let Genuine { token_type, claims, key_until } =
            self.seen.get_or_check(token.text, || self.check_signature(token))?;
        if key_until.is_some_and(|until| until <= now) {
            return Err(TokenError::UnknownKey);
        }
        if expected.is_some_and(|expected| expected != token_type) {
            return Err(TokenError::WrongType(token_type));
        }
        self.check_parties(&claims, token_type)?;
        Ok((claims, token_type))
    }

    /// Everything about a token that does not depend on who asks and when.
    fn check_signature(&self, token: PresentedToken<'_>) -> Result<Genuine, TokenError> {
        let decode = |part| encoding::from_base64url(part).ok_or(TokenError::NotCompact);
        let [header, payload, signature] = token.parts();
        let (header, payload) = (decode(header)?, decode(payload)?);
        decode(signature)?;

        let header = UnverifiedHeader::parse(&header).ok_or(TokenError::BadHeader)?;
        let (kid, typ) = header.kid.zip(header.typ).ok_or(TokenError::BadHeader)?;
        let key = self.keys.find(&kid).ok_or(TokenError::UnknownKey)?;
        if header.alg != key.algorithm().name() {
            return Err(TokenError::WrongAlgorithm);
        }
        if !key.verifies(token.message().as_bytes(), signature) {
            return Err(TokenError::BadSignature);
        }

        // Only from here on has one of our keys vouched for what is read.
        let token_type = TokenType::from_header(&typ).ok_or(TokenError::BadClaims)?;
        let claims = Payload::parse(&payload).ok_or(TokenError::BadClaims)?;
        if claims.r#type != token_type.claim_name() {
            return Err(TokenError::BadClaims);
        }
        Ok(Genuine { token_type, claims, key_until: key.until() })
    }

    fn check_parties(&self, claims: &Payload, token_type: TokenType) -> Result<(), TokenError> {
        let Payload { iss, aud, .. } = claims;
        let profile = &self.profile;
        if *iss != profile.issuer && !profile.other_issuers.contains(iss) {
            return Err(TokenError::WrongIssuer);
        }
        let is_for_us = match token_type {
            TokenType::Access => *aud == profile.audience || profile.other_audiences.contains(aud),
            TokenType::Refresh => *aud == refresh_audience(iss),
        };
        if is_for_us { Ok(()) } else { Err(TokenError::WrongAudience) }
    }

    /// Compares the times ourselves: `jsonwebtoken` reads the clock, allows a minute of leeway
    /// unless told otherwise, and takes `exp == now` for valid, against RFC 7519 §4.1.4.
    fn check_times(
        &self,
        claims: &Payload,
        token_type: TokenType,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let leeway = self.profile.leeway;
        let longest = match token_type {
            TokenType::Access => self.profile.access_lifetime,
            TokenType::Refresh => self.profile.refresh_lifetime,
        };
        if claims.nbf > now + leeway {
            return Err(TokenError::NotYetValid);
        }
        if claims.iat > now + leeway {
            return Err(TokenError::IssuedInFuture);
        }
        if claims.exp > claims.iat + longest {
            return Err(TokenError::LivesTooLong);
        }
        if claims.exp + leeway <= now {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}
