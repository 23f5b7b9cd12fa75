//! What a Flask service's token says, once its signature was found right.

use std::time::Duration;

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::{FlaskClaims, FlaskKey, Minter, OneOrMany};
use crate::{
    AdditionalClaims, PresentedToken, SessionId, Timestamp, TokenId, additional::RESERVED_CLAIMS,
    claims::TokenType, encoding, error::TokenError, json,
};

impl FlaskKey {
    /// Reads the claims of a token that this key has signed.
    pub(super) fn read(
        &self,
        token: PresentedToken<'_>,
        expected: TokenType,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<FlaskClaims, TokenError> {
        let mut claims = token.payload().as_deref().and_then(json::parse_object);
        let claims = claims.as_mut().ok_or(TokenError::BadClaims)?;
        let token_type = self.token_type(claims).ok_or(TokenError::BadClaims)?;
        if token_type != expected {
            return Err(TokenError::WrongType(token_type));
        }
        self.check_parties(claims)?;
        // Before the times: only a token that is genuine otherwise is told that it has expired.
        let identity = self.identity(claims).ok_or(TokenError::BadClaims)?;
        let (issued_at, expires_at) = self.check_times(claims, leeway, now)?;
        let fresh = is_fresh(claims.get("fresh"), now);
        let csrf = claims.get("csrf").and_then(Value::as_str).map(str::to_owned);
        let (session, token) = names_of(token).ok_or(TokenError::BadClaims)?;
        for reserved in RESERVED_CLAIMS {
            claims.remove(reserved);
        }
        let claims = AdditionalClaims::of_token(std::mem::take(claims));
        Ok(FlaskClaims { identity, session, token, issued_at, expires_at, fresh, csrf, claims })
    }

    /// Flask-JWT has no types. Flask-JWT-Extended takes everything that is no refresh token for an
    /// access token; here the type must say so, because another service may sign password-reset
    /// links with the same secret.
    fn token_type(&self, claims: &Map<String, Value>) -> Option<TokenType> {
        match (claims.get("type"), self.minter) {
            (None, Minter::FlaskJwt) => Some(TokenType::Access),
            (Some(named), Minter::Flask) => [TokenType::Access, TokenType::Refresh]
                .into_iter()
                .find(|token_type| named.as_str() == Some(token_type.claim_name())),
            (None, Minter::Flask) | (Some(_), Minter::FlaskJwt) => None,
        }
    }

    fn check_parties(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        if let Some(expected) = &self.mark.iss
            && claims.get("iss").and_then(Value::as_str) != Some(expected)
        {
            return Err(TokenError::WrongIssuer);
        }
        let Some(expected) = &self.mark.aud else { return Ok(()) };
        let named = match claims.get("aud") {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let mut named = named.iter().filter_map(Value::as_str);
        if named.any(|audience| OneOrMany::as_slice(expected).iter().any(|one| one == audience)) {
            Ok(())
        } else {
            Err(TokenError::WrongAudience)
        }
    }

    /// Unlike Flask-JWT-Extended, asks for `exp` and `iat`: no token lives for ever, and none is
    /// younger than it is.
    fn check_times(
        &self,
        claims: &Map<String, Value>,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), TokenError> {
        let moment = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().map(Timestamp::from_unix).map(Some).ok_or(TokenError::BadClaims)
            }
        };
        let not_before = moment("nbf")?;
        let (Some(issued_at), Some(expires_at)) = (moment("iat")?, moment("exp")?) else {
            return Err(TokenError::BadClaims);
        };
        if self.minter == Minter::FlaskJwt && not_before.is_none() {
            return Err(TokenError::BadClaims);
        }
        if not_before.is_some_and(|moment| moment > now + leeway) {
            return Err(TokenError::NotYetValid);
        }
        if issued_at > now + leeway {
            return Err(TokenError::IssuedInFuture);
        }
        if expires_at + leeway <= now {
            return Err(TokenError::Expired);
        }
        Ok((issued_at, expires_at))
    }

    /// Identities are strings in Flask-JWT-Extended, and usually numbers in Flask-JWT.
    fn identity(&self, claims: &mut Map<String, Value>) -> Option<String> {
        let default = match self.minter {
            Minter::Flask => "sub",
            Minter::FlaskJwt => "identity",
        };
        match claims.remove(self.mark.identity_claim.as_deref().unwrap_or(default)) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(Value::Number(number)) if number.is_u64() || number.is_i64() => {
                Some(number.to_string())
            }
            _ => None,
        }
    }
}

/// A flag, or the moment until which the token is fresh. Anything else is not fresh, where
/// Flask-JWT-Extended answers 500.
fn is_fresh(claim: Option<&Value>, now: Timestamp) -> bool {
    match claim {
        Some(Value::Bool(fresh)) => *fresh,
        // As a fraction it is written by `timedelta`; its whole seconds are what counts here.
        Some(Value::Number(until)) => {
            let whole = until.to_string();
            let whole = whole.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
            whole.is_some_and(|until| until > now.unix())
        }
        _ => false,
    }
}

/// Names for the token and its session that are the same each time it is presented.
fn names_of(token: PresentedToken<'_>) -> Option<(SessionId, TokenId)> {
    let digest = digest::digest(&digest::SHA256, token.message().as_bytes());
    let (session, token) = digest.as_ref().split_at_checked(16)?;
    let text = encoding::to_base64url;
    Some((SessionId::parse(&text(session))?, TokenId::parse(&text(token))?))
}
