//! Verification of tokens in one fixed order.

use aws_lc_rs::digest;
use serde_json::Value;

use crate::{
    additional::AdditionalClaims,
    claims::{AccessClaims, Payload, RefreshClaims, SessionClaims, Subject, TokenType},
    error::TokenError,
    header::UnverifiedHeader,
    json,
    key_set::KeySet,
    presented::PresentedToken,
    profile::{TokenProfile, refresh_audience},
    timestamp::Timestamp,
};

impl From<Payload> for SessionClaims {
    fn from(claims: Payload) -> Self {
        Self { user: claims.sub, username: claims.username, session: claims.sid, csrf: claims.csrf }
    }
}

/// A token with a valid signature. It may be expired or for another audience.
#[derive(Clone)]
pub(crate) struct GenuineToken {
    claims: Payload,
    key_until: Option<Timestamp>,
}

/// Verifies tokens of one profile with the keys of one set. Create one per request; it only
/// borrows. The crate page lists [what is checked](crate#verification), in order.
#[derive(Clone, Copy, Debug)]
pub struct Verifier<'a> {
    keys: &'a KeySet,
    profile: &'a TokenProfile,
}

impl<'a> Verifier<'a> {
    /// A verifier that accepts tokens for `profile` signed by a key of `keys`.
    pub const fn new(keys: &'a KeySet, profile: &'a TokenProfile) -> Self {
        Self { keys, profile }
    }

    /// Verifies an access token and returns its claims.
    ///
    /// # Errors
    /// The [`TokenError`] of the first check that fails: form, header, key, signature, claims,
    /// type, issuer, audience, times. [`TokenError::Expired`] comes last: everything else about
    /// such a token is valid.
    pub fn access(
        self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<AccessClaims, TokenError> {
        self.claims(token, TokenType::Access, now).map(|(claims, _)| claims)
    }

    /// Verifies a refresh token and returns its claims. Whether it is the newest of its session is
    /// for the caller to check.
    ///
    /// # Errors
    /// As [`Verifier::access`].
    pub fn refresh(
        self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<RefreshClaims, TokenError> {
        let (claims, generation) = self.claims(token, TokenType::Refresh, now)?;
        Ok(RefreshClaims {
            subject: claims.subject,
            session: claims.session,
            generation: generation.ok_or(TokenError::BadClaims)?,
            token: claims.token,
            auth_time: claims.auth_time,
            expires_at: claims.expires_at,
            csrf: claims.csrf,
        })
    }

    /// Verifies a token of either type and returns its session. Legacy tokens have no session and
    /// are refused.
    ///
    /// # Errors
    /// As [`Verifier::access`], without [`TokenError::WrongType`]; [`TokenError::BadHeader`] for a
    /// legacy token.
    pub fn session(
        self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<SessionClaims, TokenError> {
        let token = self.genuine(token)?;
        self.check(&token, None, now)?;
        Ok(token.claims.into())
    }

    /// Like [`Verifier::session`], but accepts expired tokens.
    ///
    /// # Errors
    /// As [`Verifier::session`], without [`TokenError::Expired`].
    pub fn session_of_expired(
        self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<SessionClaims, TokenError> {
        match self.session(token, now) {
            Err(TokenError::Expired) => self.genuine(token).map(|token| token.claims.into()),
            session => session,
        }
    }

    /// The claims of a valid token of type `expected`, and its generation.
    fn claims(
        self,
        token: PresentedToken<'_>,
        expected: TokenType,
        now: Timestamp,
    ) -> Result<(AccessClaims, Option<u64>), TokenError> {
        let token = match self.genuine(token) {
            // Legacy tokens have no `kid`.
            Err(TokenError::BadHeader) if self.keys.legacy().may_verify() => {
                let claims = self.keys.legacy().verify(token, expected, self.profile.leeway, now);
                return Ok((claims?, Some(0)));
            }
            genuine => genuine?,
        };
        self.check(&token, Some(expected), now)?;
        let claims = token.claims;
        let generation = claims.generation;
        let claims = AccessClaims {
            subject: Subject::User { id: claims.sub, username: claims.username },
            session: Some(claims.sid),
            token: Some(claims.jti),
            auth_time: claims.auth_time,
            expires_at: claims.exp,
            fresh: claims.fresh,
            roles: claims.roles,
            csrf: claims.csrf,
            claims: AdditionalClaims::of_token(claims.additional),
        };
        Ok((claims, generation))
    }

    /// Checks what depends neither on the profile nor on the time. Clients present the same token
    /// many times and the signature is most of the cost, so tokens with a valid signature are
    /// cached. Forged tokens are not cached and cannot displace others.
    fn genuine(self, token: PresentedToken<'_>) -> Result<GenuineToken, TokenError> {
        let digest = digest::digest(&digest::SHA256, token.text.as_bytes());
        if let Some(known) = self.keys.remembered().get(digest.as_ref()) {
            return Ok(known.clone());
        }
        let genuine = self.check_signature(token)?;
        self.keys.remembered().put(digest.as_ref().to_vec(), genuine.clone());
        Ok(genuine)
    }

    fn check_signature(self, token: PresentedToken<'_>) -> Result<GenuineToken, TokenError> {
        let (header, payload) = token.decode()?;
        let header = UnverifiedHeader::parse(&header).ok_or(TokenError::BadHeader)?;
        let (kid, typ) = header.kid.zip(header.typ).ok_or(TokenError::BadHeader)?;
        let key = self.keys.find(&kid).ok_or(TokenError::UnknownKey)?;
        if header.alg != key.algorithm().name() {
            return Err(TokenError::WrongAlgorithm);
        }
        if !key.verifies(token.message.as_bytes(), token.signature) {
            return Err(TokenError::BadSignature);
        }
        // No claim is read before this line.
        let claims = json::parse_object(&payload).ok_or(TokenError::BadClaims)?;
        let claims = serde_json::from_value::<Payload>(Value::Object(claims));
        let claims = claims.map_err(|_| TokenError::BadClaims)?;
        if TokenType::from_header(&typ) != Some(claims.token_type) {
            return Err(TokenError::BadClaims);
        }
        Ok(GenuineToken { claims, key_until: key.until() })
    }

    fn check(
        self,
        token: &GenuineToken,
        expected: Option<TokenType>,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        let GenuineToken { claims, key_until } = token;
        if key_until.is_some_and(|until| until <= now) {
            return Err(TokenError::UnknownKey);
        }
        let Payload { iss, aud, token_type, .. } = claims;
        if expected.is_some_and(|expected| expected != *token_type) {
            return Err(TokenError::WrongType(*token_type));
        }
        let profile = self.profile;
        if *iss != profile.issuer && !profile.other_issuers.contains(iss) {
            return Err(TokenError::WrongIssuer);
        }
        let (is_for_us, longest) = match token_type {
            TokenType::Access => (
                *aud == profile.audience || profile.other_audiences.contains(aud),
                profile.access_lifetime,
            ),
            TokenType::Refresh => (*aud == refresh_audience(iss), profile.refresh_lifetime),
        };
        if !is_for_us {
            return Err(TokenError::WrongAudience);
        }
        let leeway = profile.leeway;
        if claims.nbf > now + leeway {
            return Err(TokenError::NotYetValid);
        }
        if claims.iat > now + leeway {
            return Err(TokenError::IssuedInFuture);
        }
        if claims.exp > claims.iat + longest {
            return Err(TokenError::LivesTooLong);
        }
        // RFC 7519 §4.1.4: the token is expired from the second of its `exp` on.
        if claims.exp + leeway <= now {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}
