//! The claims of a legacy token.

use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::{
    additional::{AdditionalClaims, RESERVED_CLAIMS},
    claims::{AccessClaims, Subject, TokenType},
    error::TokenError,
    json,
    jwk_set::{LegacyMembers, Minter, OneOrMany},
    timestamp::Timestamp,
};

/// Reads and checks the payload of a token whose signature was verified.
pub(super) fn read(
    payload: &[u8],
    minter: Minter,
    key: &LegacyMembers,
    expected: TokenType,
    leeway: Duration,
    now: Timestamp,
) -> Result<AccessClaims, TokenError> {
    let mut claims = json::parse_object(payload).ok_or(TokenError::BadClaims)?;
    let token_type = token_type(&claims, minter).ok_or(TokenError::BadClaims)?;
    if token_type != expected {
        return Err(TokenError::WrongType(token_type));
    }
    check_parties(&claims, key)?;
    let default = match minter {
        Minter::Flask => "sub",
        Minter::FlaskJwt => "identity",
    };
    let identity = claims.remove(key.identity_claim.as_deref().unwrap_or(default));
    // Before the times, so that only a token that is valid otherwise is reported as expired.
    let identity = identity.as_ref().and_then(identity_text).ok_or(TokenError::BadClaims)?;
    let (auth_time, expires_at) = check_times(&claims, minter, leeway, now)?;
    let fresh = is_fresh(claims.get("fresh"), now);
    let csrf = claims.get("csrf").and_then(Value::as_str).map(str::to_owned);
    claims.retain(|name, _| !RESERVED_CLAIMS.contains(&name.as_str()));
    Ok(AccessClaims {
        subject: Subject::Legacy { identity },
        session: None,
        token: None,
        auth_time,
        expires_at,
        fresh,
        roles: Vec::new(),
        csrf,
        claims: AdditionalClaims::of_token(claims),
    })
}

/// Flask-JWT has no types. Flask-JWT-Extended accepts any token but a refresh token as an access
/// token; here the type is required, because another service may sign password-reset links with the
/// same secret.
fn token_type(claims: &Map<String, Value>, minter: Minter) -> Option<TokenType> {
    match (claims.get("type"), minter) {
        (None, Minter::FlaskJwt) => Some(TokenType::Access),
        (Some(name), Minter::Flask) => TokenType::deserialize(name).ok(),
        (None, Minter::Flask) | (Some(_), Minter::FlaskJwt) => None,
    }
}

fn check_parties(claims: &Map<String, Value>, key: &LegacyMembers) -> Result<(), TokenError> {
    if let Some(expected) = &key.iss
        && claims.get("iss").and_then(Value::as_str) != Some(expected)
    {
        return Err(TokenError::WrongIssuer);
    }
    let accepted = match &key.aud {
        None => return Ok(()),
        Some(OneOrMany::One(audience)) => std::slice::from_ref(audience),
        Some(OneOrMany::Many(audiences)) => audiences,
    };
    let audiences = match claims.get("aud") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let mut audiences = audiences.iter().filter_map(Value::as_str);
    if audiences.any(|audience| accepted.iter().any(|one| one == audience)) {
        Ok(())
    } else {
        Err(TokenError::WrongAudience)
    }
}

/// `iat` and `exp`, which are required here and not in Flask-JWT-Extended: no token lives for ever.
fn check_times(
    claims: &Map<String, Value>,
    minter: Minter,
    leeway: Duration,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), TokenError> {
    let time = |name| match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_u64().map(Timestamp::from_unix).map(Some).ok_or(TokenError::BadClaims)
        }
    };
    let not_before = time("nbf")?;
    let (Some(issued_at), Some(expires_at)) = (time("iat")?, time("exp")?) else {
        return Err(TokenError::BadClaims);
    };
    if minter == Minter::FlaskJwt && not_before.is_none() {
        return Err(TokenError::BadClaims);
    }
    if not_before.is_some_and(|time| time > now + leeway) {
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
fn identity_text(claim: &Value) -> Option<String> {
    let text = claim.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text.or_else(|| (claim.is_u64() || claim.is_i64()).then(|| claim.to_string()))
}

/// `fresh` is a flag, or the time until which the token is fresh. Flask-JWT-Extended answers 500 to
/// anything else; here it is not fresh.
fn is_fresh(claim: Option<&Value>, now: Timestamp) -> bool {
    match claim {
        Some(Value::Bool(fresh)) => *fresh,
        // `timedelta` writes a fraction, of which the whole seconds count.
        Some(Value::Number(until)) => {
            let until = until.to_string();
            let seconds = until.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
            seconds.is_some_and(|until| until > now.unix())
        }
        _ => false,
    }
}
