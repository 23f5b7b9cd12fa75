//! Finding and verifying the token of a request.

use std::sync::Arc;

use lambda_http::Request;
use latchkey_http::{ApiError, ErrorKind, JsonBody};
use latchkey_keys::KeyCache;
use latchkey_session::Username;
use latchkey_token::{
    AccessClaims, KeySet, PresentedToken, RefreshClaims, Timestamp, TokenError, TokenProfile,
    TokenType, Verifier,
};

use crate::{TokenLocation, TokenLocations};

/// Finds the token of a request and verifies it. It does not look up the session; a
/// [`Guard`](crate::Guard) does.
#[derive(Clone, Debug)]
pub struct TokenReader {
    /// The keys: fixed, or fetched and refreshed by age.
    pub keys: KeyCache,
    /// Issuer, audience and lifetimes of accepted tokens.
    pub profile: TokenProfile,
    /// Where to look for tokens.
    pub locations: TokenLocations,
}

/// A verified token of a request. `C` is [`AccessClaims`] or [`RefreshClaims`].
#[derive(Clone, Debug)]
pub struct Presented<C> {
    /// The verified claims.
    pub claims: C,
    /// Where in the request the token was.
    pub location: TokenLocation,
    /// The key set that verified the token. A function that signs uses it for new tokens.
    pub keys: Arc<KeySet>,
}

impl TokenReader {
    /// Verifies the access token of a request.
    ///
    /// # Errors
    /// 401 for a missing, invalid or expired token and for a failed CSRF check; 400 for different
    /// tokens in several places (RFC 6750 §2); 503 if the keys cannot be fetched.
    pub async fn access(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Presented<AccessClaims>, ApiError> {
        let found = self.locations.find_access(request)?;
        let location = found.location;
        let (claims, keys) =
            self.verify(&found.text, now, |verifier, token| verifier.access(token, now)).await?;
        let csrf = claims.csrf.as_deref();
        self.locations.cookies.check(request, location, TokenType::Access, csrf)?;
        Ok(Presented { claims, location, keys })
    }

    /// Verifies the refresh token of a request, which may always be in a JSON body too. The caller
    /// checks whether it is the newest of its session.
    ///
    /// # Errors
    /// As [`TokenReader::access`]. If no other location has a token, a body that is not JSON gets
    /// the errors of [`JsonBody::parse`]. If the token was in a cookie and can never become valid,
    /// the error clears the cookies.
    pub async fn refresh(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Presented<RefreshClaims>, ApiError> {
        let locations = &self.locations;
        let body = (!request.body().is_empty()).then(|| JsonBody::parse(request)).transpose();
        let found = locations.find_refresh(request, body.as_ref().ok().and_then(Option::as_ref));
        let needs_body = match &found {
            Ok(found) => found.location == TokenLocation::Json,
            Err(error) => error.kind() == ErrorKind::MissingToken,
        };
        if needs_body && let Some(body) = body? {
            body.optional(&locations.json_refresh_key)?;
        }
        // Before verification only two different cookies give an error that is final for a token.
        let found = found.map_err(|error| locations.refuse(error, TokenLocation::Cookies))?;
        let location = found.location;
        let verified =
            self.verify(&found.text, now, |verifier, token| verifier.refresh(token, now)).await;
        let checked = verified.and_then(|(claims, keys)| {
            let csrf = claims.csrf.as_deref();
            locations.cookies.check(request, location, TokenType::Refresh, csrf)?;
            Ok(Presented { claims, location, keys })
        });
        checked.map_err(|error| locations.refuse(error, location))
    }

    /// Verifies the text of an access token.
    pub(crate) async fn access_text(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, ApiError> {
        Ok(self.verify(text, now, |verifier, token| verifier.access(token, now)).await?.0)
    }

    /// Verifies a token. If its key is unknown, or the Flask keys were not read, asks the cache for
    /// newer keys and retries once.
    pub(crate) async fn verify<T>(
        &self,
        text: &str,
        now: Timestamp,
        check: impl Fn(Verifier<'_>, PresentedToken<'_>) -> Result<T, TokenError>,
    ) -> Result<(T, Arc<KeySet>), ApiError> {
        let token = PresentedToken::parse(text)?;
        let keys = self.keys.get(now).await?;
        match check(Verifier::new(&keys, &self.profile), token) {
            Err(error @ (TokenError::UnknownKey | TokenError::LegacyKeysUnread)) => {
                let newer = self.keys.get_newer(&keys, now).await?.ok_or(error)?;
                Ok((check(Verifier::new(&newer, &self.profile), token)?, newer))
            }
            verified => Ok((verified?, keys)),
        }
    }
}

/// Parses the `username` claim of a verified token: the key of the user's item.
///
/// # Errors
/// 401 [`InvalidToken`](ErrorKind::InvalidToken) if it is not a valid user name.
pub fn claimed_username(username: &str) -> Result<Username, ApiError> {
    Username::parse(username).map_err(|_| ErrorKind::InvalidToken.into())
}
