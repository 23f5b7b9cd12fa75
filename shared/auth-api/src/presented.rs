//! The token of a request, from its place to its claims.

use auth_session::Username;
use auth_store::TrustedKeys;
use auth_token::{
    AccessClaims, FlaskClaims, FlaskKeys, PresentedToken, RefreshClaims, SessionClaims, Timestamp,
    TokenProfile, TokenType, Verifier,
};
use lambda_http::{Request, http};

use crate::{
    ApiError, JsonBody, Refusal, TokenLocation, TokenLocations,
    locations::{Found, TokenBody},
};

/// Finds tokens in requests and checks them. Whether their sessions live is for the caller to find
/// out.
#[derive(Clone, Debug)]
pub struct TokenReader {
    /// What checks our tokens.
    pub verifier: Verifier,
    /// What checks tokens of a Flask service that this one takes the place of.
    pub flask: FlaskKeys,
    /// Where tokens may be.
    pub locations: TokenLocations,
}

/// A refresh token that was presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshToken {
    /// One of ours.
    Ours(RefreshClaims),
    /// One of a Flask service's.
    Flask(FlaskClaims),
}

/// A genuine access token, ours or a Flask service's.
pub(crate) enum AccessToken {
    Ours(AccessClaims),
    Flask(FlaskClaims),
}

impl TokenReader {
    /// Reads tokens of ours from `Authorization: Bearer …`.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, flask: FlaskKeys::default(), locations: TokenLocations::default() }
    }

    /// Reads tokens that `keys` vouch for: those of `tokens` are ours.
    pub fn trusting(keys: TrustedKeys, tokens: TokenProfile, locations: TokenLocations) -> Self {
        Self { verifier: Verifier::new(keys.verifying, tokens), flask: keys.flask, locations }
    }

    /// The claims of a request's access token.
    ///
    /// # Errors
    /// The 401 that the route answers.
    pub fn access<B: TokenBody>(
        &self,
        request: &http::Request<B>,
        now: Timestamp,
    ) -> Result<AccessClaims, ApiError> {
        let found = self.locations.find_access(request);
        found
            .and_then(|found| {
                let token = PresentedToken::parse(&found.text).map_err(Refusal::Token)?;
                let claims = self.verifier.access(token, now).map_err(Refusal::Token)?;
                let csrf = claims.csrf.as_deref();
                self.check_csrf(request, found.location, TokenType::Access, csrf)?;
                Ok(claims)
            })
            .map_err(|refusal| self.locations.refusal(refusal, TokenType::Access))
    }

    /// The session that a request's access or refresh token names, and where the token was.
    ///
    /// # Errors
    /// The 401 that the route answers.
    pub fn session<B: TokenBody>(
        &self,
        request: &http::Request<B>,
        now: Timestamp,
    ) -> Result<(SessionClaims, TokenLocation), ApiError> {
        let found = self.locations.find_access(request).map(|found| (found, TokenType::Access));
        let found = match found {
            Err(Refusal::NoToken) => {
                let found = self.locations.find_refresh(request, None);
                found.map(|found| (found, TokenType::Refresh))
            }
            found => found,
        };
        found
            .and_then(|(found, place)| {
                let token = PresentedToken::parse(&found.text).map_err(Refusal::Token)?;
                let claims = self.verifier.session(token, now).map_err(Refusal::Token)?;
                self.check_csrf(request, found.location, place, claims.csrf.as_deref())?;
                Ok((claims, found.location))
            })
            .map_err(|refusal| self.locations.refusal(refusal, TokenType::Access))
    }

    /// A request's refresh token, which a JSON body can hold whatever the places of tokens are,
    /// and whether it came in a cookie. Whether it is its session's newest is for the caller to
    /// find out.
    ///
    /// # Errors
    /// The 401 that the route answers; `invalid_request` for a malformed body, and for a token in
    /// two places (RFC 6750 §2).
    pub fn refresh(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<(RefreshToken, TokenLocation), ApiError> {
        let body = if request.body().is_empty() { None } else { Some(JsonBody::parse(request)?) };
        if let Some(body) = &body {
            body.optional(&self.locations.json_refresh_key)?;
        }
        self.locations
            .find_refresh(request, body.as_ref())
            .and_then(|found| Ok((self.read_refresh(request, &found, now)?, found.location)))
            .map_err(|refusal| self.locations.refusal(refusal, TokenType::Refresh))
    }

    fn read_refresh(
        &self,
        request: &Request,
        found: &Found<'_>,
        now: Timestamp,
    ) -> Result<RefreshToken, Refusal> {
        let token = PresentedToken::parse(&found.text).map_err(Refusal::Token)?;
        let token = if self.flask.may_have_signed(token) {
            self.flask.refresh(token, now).map(RefreshToken::Flask)
        } else {
            self.verifier.refresh(token, now).map(RefreshToken::Ours)
        };
        let token = token.map_err(Refusal::Token)?;
        let csrf = match &token {
            RefreshToken::Ours(claims) => claims.csrf.as_deref(),
            RefreshToken::Flask(claims) => claims.csrf.as_deref(),
        };
        self.check_csrf(request, found.location, TokenType::Refresh, csrf)?;
        Ok(token)
    }

    /// A genuine access token of ours or of a Flask service's.
    pub(crate) fn genuine(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<AccessToken, Refusal> {
        if self.flask.may_have_signed(token) {
            self.flask.access(token, now).map(AccessToken::Flask).map_err(Refusal::Token)
        } else {
            self.verifier.access(token, now).map(AccessToken::Ours).map_err(Refusal::Token)
        }
    }

    pub(crate) fn check_csrf<B>(
        &self,
        request: &http::Request<B>,
        location: TokenLocation,
        token_type: TokenType,
        csrf: Option<&str>,
    ) -> Result<(), Refusal> {
        self.locations.cookies.check(request, location, token_type, csrf)
    }
}

/// The user name in the claims of a genuine token: the key of the user's item.
///
/// # Errors
/// [`ApiError::InvalidToken`] when no user can have that name, which no token of ours says.
pub fn claimed_username(username: &str) -> Result<Username, ApiError> {
    Username::parse(username).map_err(|_| ApiError::InvalidToken)
}
