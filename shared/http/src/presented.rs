//! The token of a request, from its place to its claims.

use std::time::Duration;

use lambda_http::{Request, http};
use latchkey_keys::{KeyCache, RingError};
use latchkey_session::{StoreError, Username};
use latchkey_store::{Aws, KeySource, KeySourceError, TrustedKeys};
use latchkey_token::{
    AccessClaims, FlaskClaims, FlaskKeys, PresentedToken, RefreshClaims, Timestamp, TokenError,
    TokenProfile, TokenType, Verifier,
};

use crate::{
    ApiError, ErrorAnswer, JsonBody, Refusal, TokenLocation, TokenLocations,
    locations::{Found, TokenBody},
};

/// What checks tokens, made from one reading of the keys.
#[derive(Clone, Debug)]
pub struct TokenVerifiers {
    /// What checks our tokens.
    pub verifier: Verifier,
    /// What checks tokens of a Flask service that this one takes the place of.
    pub flask: FlaskKeys,
}

impl TokenVerifiers {
    /// What checks tokens that `keys` vouch for: those of `tokens` are ours.
    pub fn trusting(keys: TrustedKeys, tokens: TokenProfile) -> Self {
        Self { verifier: Verifier::new(keys.verifying, tokens), flask: keys.flask }
    }
}

impl AsRef<Self> for TokenVerifiers {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Finds tokens in requests and checks them. Whether their sessions live is for the caller to find
/// out.
#[derive(Debug)]
pub struct TokenReader<K = TokenVerifiers> {
    /// What checks tokens, and for a function that signs what signs them.
    pub keys: KeyCache<K>,
    /// Where tokens may be.
    pub locations: TokenLocations,
    /// How long after its `exp` a token is still taken.
    pub leeway: Duration,
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

/// Clones share the keys.
impl<K> Clone for TokenReader<K> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), locations: self.locations.clone(), leeway: self.leeway }
    }
}

impl TokenReader {
    /// Reads tokens of ours from `Authorization: Bearer …`.
    pub fn new(verifier: Verifier) -> Self {
        Self::with_flask(verifier, FlaskKeys::default())
    }

    /// The same, and tokens of the Flask service whose keys `flask` are.
    pub fn with_flask(verifier: Verifier, flask: FlaskKeys) -> Self {
        let leeway = verifier.leeway();
        let keys = KeyCache::fixed(TokenVerifiers { verifier, flask });
        Self { keys, locations: TokenLocations::default(), leeway }
    }

    /// Reads tokens that the keys of `source` vouch for: those of `tokens` are ours.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`] for static keys. Keys that cannot be fetched are an error
    /// of each request, until they can.
    pub async fn connect(
        source: KeySource,
        tokens: TokenProfile,
        locations: TokenLocations,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Self, KeySourceError> {
        let leeway = tokens.leeway;
        let make = move |keys| TokenVerifiers::trusting(keys, tokens.clone());
        Ok(Self { keys: source.connect_trusted(aws, now, make).await?, locations, leeway })
    }
}

impl<K: AsRef<TokenVerifiers> + Send + Sync + 'static> TokenReader<K> {
    /// A request's access token, verified, and where it was.
    ///
    /// # Errors
    /// Every variant of [`Refusal`] that the token alone decides.
    pub(crate) async fn access<B: TokenBody>(
        &self,
        request: &http::Request<B>,
        now: Timestamp,
    ) -> Result<(AccessToken, TokenLocation), Refusal> {
        let found = self.locations.find_access(request)?;
        let token = PresentedToken::parse(&found.text).map_err(Refusal::Token)?;
        let token = self.genuine(token, now).await?;
        let csrf = match &token {
            AccessToken::Ours(claims) => claims.csrf.as_deref(),
            AccessToken::Flask(claims) => claims.csrf.as_deref(),
        };
        self.check_csrf(request, found.location, TokenType::Access, csrf)?;
        Ok((token, found.location))
    }

    /// A request's refresh token, which a JSON body can hold whatever the places of tokens are,
    /// and where it was. Whether it is its session's newest is for the caller to find out.
    ///
    /// # Errors
    /// The 401 that the route answers; what is wrong with the body, where no other place holds a
    /// token; `invalid_request` for two tokens (RFC 6750 §2).
    pub async fn refresh(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<(RefreshToken, TokenLocation), ErrorAnswer> {
        let locations = &self.locations;
        let body = (!request.body().is_empty()).then(|| JsonBody::parse(request)).transpose();
        let found = locations.find_refresh(request, body.as_ref().ok().and_then(Option::as_ref));
        let needs_body = match &found {
            Ok(found) => found.location == TokenLocation::Json,
            Err(refusal) => matches!(refusal, Refusal::NoToken),
        };
        if needs_body && let Some(body) = body? {
            body.optional(&locations.json_refresh_key)?;
        }
        let refused = |location| {
            move |refusal| {
                locations.refuse(locations.refusal(refusal, TokenType::Refresh), location)
            }
        };
        let found = found.map_err(|refusal| refused(refusal.location())(refusal))?;
        let location = found.location;
        let token = self.read_refresh(request, &found, now).await;
        Ok((token.map_err(refused(Some(location)))?, location))
    }

    async fn read_refresh(
        &self,
        request: &Request,
        found: &Found<'_>,
        now: Timestamp,
    ) -> Result<RefreshToken, Refusal> {
        let token = PresentedToken::parse(&found.text).map_err(Refusal::Token)?;
        let verify = |keys: &TokenVerifiers| {
            if keys.flask.may_have_signed(token) {
                keys.flask.refresh(token, keys.verifier.leeway(), now).map(RefreshToken::Flask)
            } else {
                keys.verifier.refresh(token, now).map(RefreshToken::Ours)
            }
        };
        let token = self.verified(token, now, verify).await?;
        let csrf = match &token {
            RefreshToken::Ours(claims) => claims.csrf.as_deref(),
            RefreshToken::Flask(claims) => claims.csrf.as_deref(),
        };
        self.check_csrf(request, found.location, TokenType::Refresh, csrf)?;
        Ok(token)
    }

    /// A genuine access token of ours or of a Flask service's.
    pub(crate) async fn genuine(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
    ) -> Result<AccessToken, Refusal> {
        let verify = |keys: &TokenVerifiers| {
            if keys.flask.may_have_signed(token) {
                keys.flask.access(token, keys.verifier.leeway(), now).map(AccessToken::Flask)
            } else {
                keys.verifier.access(token, now).map(AccessToken::Ours)
            }
        };
        self.verified(token, now, verify).await
    }

    /// What `verify` says with the keys of this moment. A token of a key that they lack may be of
    /// one that was published since.
    pub(crate) async fn verified<T>(
        &self,
        token: PresentedToken<'_>,
        now: Timestamp,
        verify: impl Fn(&TokenVerifiers) -> Result<T, TokenError>,
    ) -> Result<T, Refusal> {
        let fault = |error: RingError| Refusal::Fault(error.into());
        let mut keys = self.keys.get(now).await.map_err(fault)?;
        let mut verified = verify((*keys).as_ref());
        if matches!(verified, Err(TokenError::UnknownKey))
            && let Some(newer) = self.keys.get_newer(&keys, now).await.map_err(fault)?
        {
            keys = newer;
            verified = verify((*keys).as_ref());
        }
        let flask = &(*keys).as_ref().flask;
        match verified {
            // Its key may be one that could not be read.
            Err(TokenError::UnknownKey) if flask.may_have_signed(token) => {
                let unread = "the keys of the Flask service were not read";
                Err(Refusal::Fault(StoreError::Unavailable(unread.into())))
            }
            verified => verified.map_err(Refusal::Token),
        }
    }

    fn check_csrf<B>(
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
