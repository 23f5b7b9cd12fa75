//! Claims of legacy tokens.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    additional::{AdditionalClaims, RESERVED_CLAIMS},
    claims::{AccessClaims, Subject, TokenType},
    error::TokenError,
    json,
    jwk_set::{LegacyMembers, Minter, OneOrMany},
    timestamp::Timestamp,
};

/// `iat` and `exp` are required, unlike in Flask-JWT-Extended, so that every token expires.
#[derive(Deserialize)]
struct Payload {
    iat: Timestamp,
    exp: Timestamp,
    nbf: Option<Timestamp>,
    r#type: Option<TokenType>,
}

/// Parses and checks the payload of a token with a valid signature.
pub(super) fn read(
    payload: &[u8],
    key: &LegacyMembers,
    expected: TokenType,
    leeway: Duration,
    now: Timestamp,
) -> Result<AccessClaims, TokenError> {
    let mut claims = json::parse_object(payload).ok_or(TokenError::BadClaims)?;
    let payload = Payload::deserialize(&claims).map_err(|_| TokenError::BadClaims)?;
    let (token_type, identity_claim) = match (key.minted_by, payload.r#type, payload.nbf) {
        // Flask-JWT-Extended accepts a token without `type`. It is required here because the
        // service may also sign password-reset links with the same secret.
        (Some(Minter::Flask), Some(token_type), _) => (token_type, "sub"),
        (Some(Minter::FlaskJwt), None, Some(_)) => (TokenType::Access, "identity"),
        _ => return Err(TokenError::BadClaims),
    };
    if token_type != expected {
        return Err(TokenError::WrongType(token_type));
    }
    check_parties(&claims, key)?;
    let identity = claims.remove(key.identity_claim.as_deref().unwrap_or(identity_claim));
    // Checked before the times, so that `Expired` means that all other checks passed.
    let identity = identity.as_ref().and_then(identity_text).ok_or(TokenError::BadClaims)?;
    if payload.nbf.is_some_and(|time| time > now + leeway) {
        return Err(TokenError::NotYetValid);
    }
    if payload.iat > now + leeway {
        return Err(TokenError::IssuedInFuture);
    }
    if payload.exp + leeway <= now {
        return Err(TokenError::Expired);
    }
    let fresh = is_fresh(claims.get("fresh"), now);
    let csrf = claims.get("csrf").and_then(Value::as_str).map(str::to_owned);
    claims.retain(|name, _| !RESERVED_CLAIMS.contains(&name.as_str()));
    Ok(AccessClaims {
        subject: Subject::Legacy { identity },
        session: None,
        token: None,
        auth_time: payload.iat,
        expires_at: payload.exp,
        fresh,
        roles: Vec::new(),
        csrf,
        claims: AdditionalClaims::of_token(claims),
    })
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

/// Identities are strings in Flask-JWT-Extended and usually numbers in Flask-JWT.
fn identity_text(claim: &Value) -> Option<String> {
    let text = claim.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text.or_else(|| (claim.is_u64() || claim.is_i64()).then(|| claim.to_string()))
}

/// `fresh` is a flag, or the time until which the token is fresh. Any other value means not fresh;
/// Flask-JWT-Extended answers 500 there.
fn is_fresh(claim: Option<&Value>, now: Timestamp) -> bool {
    match claim {
        Some(Value::Bool(fresh)) => *fresh,
        // `timedelta` produces a fraction; the whole seconds count.
        Some(Value::Number(until)) => {
            let until = until.to_string();
            let seconds = until.split('.').next().and_then(|seconds| seconds.parse::<u64>().ok());
            seconds.is_some_and(|until| until > now.unix())
        }
        _ => false,
    }
}
