//! Reading the sessions that a logout ends.

use lambda_http::{Request, http::HeaderMap};
use latchkey_http::{ApiError, ErrorKind};
use latchkey_token::{PresentedToken, SessionClaims, Timestamp, TokenError, TokenType, Verifier};

use crate::{TokenLocation, TokenReader};

/// A token in a cookie that is valid apart from its expiry.
struct InCookie {
    token_type: TokenType,
    claims: SessionClaims,
    is_expired: bool,
}

impl TokenReader {
    /// The sessions of all valid tokens of a request, access and refresh tokens alike, for a
    /// logout. It tries each token, because browsers send expired cookies with valid ones, and
    /// cookies of several paths or domains.
    ///
    /// # Errors
    /// If no token is valid: 503 or 500 for a fault; else 401 `csrf_failed` if a valid token in a
    /// cookie lacks its CSRF value or comes from a foreign origin; else the 401 of the first token.
    /// 400 for different tokens in several places.
    pub async fn sessions(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Vec<SessionClaims>, ApiError> {
        let mut sessions = Vec::<SessionClaims>::new();
        let mut errors = Vec::new();
        match self.locations.find_explicit(request) {
            Ok(found) => match self
                .verify(&found.text, now, |verifier, token| verifier.session(token, now))
                .await
            {
                Ok((claims, _)) => sessions.push(claims),
                Err(error) => errors.push((error, found.location)),
            },
            Err(error) if error.kind() == ErrorKind::MissingToken => {}
            Err(error) => return Err(error),
        }
        let mut in_cookies = Vec::new();
        for (token_type, text) in self.locations.find_in_cookies(request.headers()) {
            match self
                .verify(&text, now, |verifier, token| session_and_expiry(verifier, token, now))
                .await
            {
                Ok(((claims, is_expired), _)) => {
                    if is_expired {
                        let expired = ErrorKind::TokenExpired.into();
                        errors.push((expired, TokenLocation::Cookies));
                    }
                    in_cookies.push(InCookie { token_type, claims, is_expired });
                }
                Err(error) => errors.push((error, TokenLocation::Cookies)),
            }
        }
        for found in in_cookies.iter().filter(|found| !found.is_expired) {
            match self.check_csrf_of(request, &found.claims, &in_cookies) {
                Ok(()) => sessions.push(found.claims.clone()),
                Err(kind) => errors.push((kind.into(), TokenLocation::Cookies)),
            }
        }
        if sessions.is_empty() {
            return Err(self.first_error(errors, request));
        }
        sessions.sort_by(|a, b| (&a.user, &a.session).cmp(&(&b.user, &b.session)));
        sessions.dedup_by(|a, b| (&a.user, &a.session) == (&b.user, &b.session));
        Ok(sessions)
    }

    /// Checks the CSRF value of a request. The value of any token of the session counts, expired or
    /// not, because only an allowed page can read it.
    fn check_csrf_of(
        &self,
        request: &Request,
        session: &SessionClaims,
        in_cookies: &[InCookie],
    ) -> Result<(), ErrorKind> {
        let of_session = in_cookies.iter().filter(|found| {
            (&found.claims.user, &found.claims.session) == (&session.user, &session.session)
        });
        let expected =
            of_session.filter_map(|found| Some((found.token_type, found.claims.csrf.as_deref()?)));
        let cookies = &self.locations.cookies;
        // A token without the claim was issued for a header, not for a cookie.
        session.csrf.as_deref().ok_or(ErrorKind::InvalidToken)?;
        cookies.check_origin(request)?;
        cookies.check_csrf_header(request.headers(), expected)
    }

    /// Selects the error of the response: a fault first, then a failed CSRF check, which the client
    /// can correct.
    fn first_error(&self, errors: Vec<(ApiError, TokenLocation)>, request: &Request) -> ApiError {
        let is_csrf = |kind| {
            use ErrorKind::{CsrfMismatch, CsrfMissing, OriginNotAllowed};
            matches!(kind, CsrfMissing | CsrfMismatch | OriginNotAllowed)
        };
        let rank = |error: &ApiError| (!error.kind().is_fault(), !is_csrf(error.kind()));
        let in_cookie = errors.iter().any(|(_, location)| *location == TokenLocation::Cookies);
        let first = errors.into_iter().map(|(error, _)| error).min_by_key(rank);
        let error = first.unwrap_or_else(|| self.locations.missing_token());
        if in_cookie && error.kind().is_final_for_token() {
            let mut headers = HeaderMap::new();
            self.locations.clear_cookies(request, &mut headers);
            return error.with_header_map(&headers);
        }
        error
    }
}

/// The session of a token, and whether the token has expired.
fn session_and_expiry(
    verifier: Verifier<'_>,
    token: PresentedToken<'_>,
    now: Timestamp,
) -> Result<(SessionClaims, bool), TokenError> {
    match verifier.session(token, now) {
        Err(TokenError::Expired) => Ok((verifier.session_of_expired(token, now)?, true)),
        session => Ok((session?, false)),
    }
}
