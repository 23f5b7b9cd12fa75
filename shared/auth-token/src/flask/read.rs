//! What a Flask service's token says, once its signature was found right.

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::{FlaskClaims, FlaskKey, FlaskSubject, Minter, SubjectKind};
use crate::{
    AdditionalClaims, PresentedToken, SessionId, Timestamp, TokenId, UserId,
    additional::RESERVED_CLAIMS, claims::TokenType, encoding, error::TokenError, json,
};

impl FlaskKey {
    /// Reads the claims of a token that this key has signed.
    pub(super) fn read(
        &self,
        token: PresentedToken<'_>,
        expected: TokenType,
        now: Timestamp,
    ) -> Result<FlaskClaims, TokenError> {
        let mut claims = token.payload().as_deref().and_then(json::parse_object);
        let claims = claims.as_mut().ok_or(TokenError::BadClaims)?;
        let token_type = self.token_type(claims).ok_or(TokenError::BadClaims)?;
        if token_type != expected {
            return Err(TokenError::WrongType(token_type));
        }
        check_party(self.mark.iss.as_deref(), claims.get("iss"), TokenError::WrongIssuer)?;
        check_party(self.mark.aud.as_deref(), claims.get("aud"), TokenError::WrongAudience)?;
        let (issued_at, expires_at) = self.check_times(claims, now)?;
        let fresh = is_fresh(claims.get("fresh"), now);
        let subject = self.subject(claims).ok_or(TokenError::BadClaims)?;
        let csrf = claims.get("csrf").and_then(Value::as_str).map(str::to_owned);
        let (session, token) = names_of(token).ok_or(TokenError::BadClaims)?;
        for reserved in RESERVED_CLAIMS {
            claims.remove(reserved);
        }
        let claims = AdditionalClaims::of_token(std::mem::take(claims));
        Ok(FlaskClaims { subject, session, token, issued_at, expires_at, fresh, csrf, claims })
    }

    /// Flask-JWT-Extended takes a token without a type for an access token, Flask-JWT has no
    /// types. Unlike there, a type that is neither is refused: another service may sign
    /// password-reset links with the same secret.
    fn token_type(&self, claims: &Map<String, Value>) -> Option<TokenType> {
        match (claims.get("type"), self.minter) {
            (None, _) => Some(TokenType::Access),
            (Some(named), Minter::Flask) => [TokenType::Access, TokenType::Refresh]
                .into_iter()
                .find(|token_type| named.as_str() == Some(token_type.claim_name())),
            (Some(_), Minter::FlaskJwt) => None,
        }
    }

    /// Unlike Flask-JWT-Extended, asks for `exp`: no token lives for ever.
    fn check_times(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), TokenError> {
        let moment = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or(TokenError::BadClaims),
        };
        let (issued_at, not_before) = (moment("iat")?, moment("nbf")?);
        let is_incomplete =
            self.minter == Minter::FlaskJwt && (issued_at.is_none() || not_before.is_none());
        let expires_at = moment("exp")?.filter(|_| !is_incomplete).ok_or(TokenError::BadClaims)?;
        let expires_at = Timestamp::from_unix(expires_at);
        if not_before.is_some_and(|moment| moment > now.unix()) {
            return Err(TokenError::NotYetValid);
        }
        if issued_at.is_some_and(|moment| moment > now.unix()) {
            return Err(TokenError::IssuedInFuture);
        }
        if expires_at <= now {
            return Err(TokenError::Expired);
        }
        Ok((issued_at.map_or(now, Timestamp::from_unix), expires_at))
    }

    /// Identities are strings in Flask-JWT-Extended, and usually numbers in Flask-JWT.
    fn subject(&self, claims: &mut Map<String, Value>) -> Option<FlaskSubject> {
        let default = match self.minter {
            Minter::Flask => "sub",
            Minter::FlaskJwt => "identity",
        };
        let identity = match claims.remove(self.mark.identity_claim.as_deref().unwrap_or(default)) {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) if number.is_u64() || number.is_i64() => number.to_string(),
            _ => return None,
        };
        match self.mark.subject {
            SubjectKind::Username => Some(FlaskSubject::Username(identity)),
            SubjectKind::Id => UserId::parse(&identity).map(FlaskSubject::Id),
        }
    }
}

fn check_party(
    expected: Option<&str>,
    claim: Option<&Value>,
    error: TokenError,
) -> Result<(), TokenError> {
    match expected {
        Some(expected) if claim.and_then(Value::as_str) != Some(expected) => Err(error),
        Some(_) | None => Ok(()),
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
