//! The token of a request, from its text to its claims.

use auth_session::Username;
use auth_token::{
    AccessClaims, PresentedToken, RefreshClaims, SessionClaims, Timestamp, TokenError, TokenType,
    Verifier,
};
use lambda_http::{
    Request,
    http::{self, header::AUTHORIZATION},
};

use crate::{ApiError, JsonBody, Refusal};

/// What RFC 6750 §2.1 calls it, and what Flask-JWT's clients send instead.
const ACCESS_SCHEMES: &[&str] = &["Bearer", "JWT"];
const REFRESH_SCHEMES: &[&str] = &["Bearer"];

/// The claims of a request's access token, in `Authorization: Bearer …` (or `JWT …`). Whether its
/// session lives is for the caller to find out.
///
/// # Errors
/// The 401 that the route answers.
pub fn access_claims<B>(
    verifier: &Verifier,
    request: &http::Request<B>,
    now: Timestamp,
) -> Result<AccessClaims, ApiError> {
    authorization(request, ACCESS_SCHEMES)
        .and_then(|token| verify(token, |token| verifier.access(token, now)))
        .map_err(|refusal| ApiError::refusal(refusal, TokenType::Access))
}

/// The session that a request's access or refresh token names, in `Authorization: Bearer …`.
///
/// # Errors
/// The 401 that the route answers.
pub fn session_claims<B>(
    verifier: &Verifier,
    request: &http::Request<B>,
    now: Timestamp,
) -> Result<SessionClaims, ApiError> {
    authorization(request, ACCESS_SCHEMES)
        .and_then(|token| verify(token, |token| verifier.session(token, now)))
        .map_err(|refusal| ApiError::refusal(refusal, TokenType::Access))
}

/// The claims of a request's refresh token, in `Authorization: Bearer …` or as `refresh_token` in
/// a JSON body. Whether it is its session's newest is for the caller to find out.
///
/// # Errors
/// The 401 that the route answers; `invalid_request` for a malformed body, and for a token in both
/// places (RFC 6750 §2).
pub fn refresh_claims(
    verifier: &Verifier,
    request: &Request,
    now: Timestamp,
) -> Result<RefreshClaims, ApiError> {
    let refused = |refusal| ApiError::refusal(refusal, TokenType::Refresh);
    let header = authorization(request, REFRESH_SCHEMES);
    let body = if request.body().is_empty() { None } else { Some(JsonBody::parse(request)?) };
    let member = match &body {
        Some(body) => body.optional("refresh_token")?,
        None => None,
    };
    let token = match (header, member) {
        (Err(Refusal::NoToken), Some(token)) => Ok(token),
        (_, Some(_)) => return Err(ApiError::two_tokens()),
        (header, None) => header,
    };
    token.and_then(|token| verify(token, |token| verifier.refresh(token, now))).map_err(refused)
}

/// The user name in the claims of a genuine token: the key of the user's item.
///
/// # Errors
/// [`ApiError::InvalidToken`] when no user can have that name, which no token of ours says.
pub fn claimed_username(username: &str) -> Result<Username, ApiError> {
    Username::parse(username).map_err(|_| ApiError::InvalidToken)
}

/// The access token in an `Authorization` value: the scheme in any case, one space, the token.
///
/// # Errors
/// [`Refusal::NoToken`] when the value is of another scheme.
pub fn bearer_token(value: &str) -> Result<&str, Refusal> {
    token_of_scheme(value, ACCESS_SCHEMES)
}

/// The access token in the one `Authorization` header of a request.
pub(crate) fn access_token<B>(request: &http::Request<B>) -> Result<&str, Refusal> {
    authorization(request, ACCESS_SCHEMES)
}

fn authorization<'a, B>(
    request: &'a http::Request<B>,
    schemes: &[&str],
) -> Result<&'a str, Refusal> {
    let malformed = Refusal::Token(TokenError::NotCompact);
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::NoToken),
        (Some(value), None) => token_of_scheme(value.to_str().map_err(|_| malformed)?, schemes),
        (Some(_), Some(_)) => Err(malformed),
    }
}

fn token_of_scheme<'a>(value: &'a str, schemes: &[&str]) -> Result<&'a str, Refusal> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if schemes.iter().any(|ours| scheme.eq_ignore_ascii_case(ours)) {
        Ok(token)
    } else {
        Err(Refusal::NoToken)
    }
}

fn verify<'a, C>(
    token: &'a str,
    check: impl FnOnce(PresentedToken<'a>) -> Result<C, TokenError>,
) -> Result<C, Refusal> {
    PresentedToken::parse(token).and_then(check).map_err(Refusal::Token)
}
