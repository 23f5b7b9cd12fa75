//! The token of a request, from its location to its claims.

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

/// Finds tokens in requests and verifies them. It does not look sessions up.
#[derive(Clone, Debug)]
pub struct TokenReader {
    /// The keys that verify, and those that sign in a function that signs.
    pub keys: KeyCache,
    /// Issuer, audience and lifetimes of the tokens.
    pub profile: TokenProfile,
    /// Where tokens may be.
    pub locations: TokenLocations,
}

/// A verified token of a request.
#[derive(Clone, Debug)]
pub struct Presented<C> {
    /// The claims.
    pub claims: C,
    /// Where the token was.
    pub location: TokenLocation,
    /// The keys that verified it.
    pub keys: Arc<KeySet>,
}

impl TokenReader {
    /// The access token of a request.
    ///
    /// # Errors
    /// The 401 that the route answers, and faults of the key store.
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

    /// The refresh token of a request, which may also be in a JSON body.
    /// Whether it is the newest of its session is for the caller to find out.
    ///
    /// # Errors
    /// The 401 that the route answers, `invalid_request` for two tokens (RFC 6750 §2) and for a
    /// malformed body when no other location has a token, and faults of the key store.
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
        // Two cookies that differ are the only invalid token that has not been read yet.
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

    /// The access token with this text.
    pub(crate) async fn access_text(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<AccessClaims, ApiError> {
        Ok(self.verify(text, now, |verifier, token| verifier.access(token, now)).await?.0)
    }

    /// Verifies a token. If its key is unknown, it may have been published since the keys were
    /// fetched, so they are fetched again.
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

/// The user name in the claims of a verified token: the key of the user's item.
///
/// # Errors
/// `invalid_token` if no user can have that name.
pub fn claimed_username(username: &str) -> Result<Username, ApiError> {
    Username::parse(username).map_err(|_| ErrorKind::InvalidToken.into())
}
