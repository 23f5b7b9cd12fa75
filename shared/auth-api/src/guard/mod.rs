//! The guard: who is calling, and may they.

mod context;
mod identity;
mod layer;
mod refusal;
mod requirement;
mod session_check;

use auth_session::Username;
use auth_store::{Aws, DynamoUsers, FindSession, KeySource, KeySourceError};
use auth_token::{PresentedToken, Timestamp, TokenError, TokenProfile, TokenType, Verifier};
use lambda_http::http::Request;

pub use context::to_context;
pub use identity::Identity;
pub use layer::{GuardLayer, Guarded};
pub use refusal::Refusal;
pub use requirement::Requirement;
pub use session_check::{RevocationCheck, SessionCheck};

use crate::{ApiError, Gateway, presented::access_token};

/// What a guard is made from.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// The users table, which holds the sessions.
    pub users_table: String,
    /// Where the keys are.
    pub keys: KeySource,
    /// Which tokens are ours.
    pub tokens: TokenProfile,
    /// When a session is looked up.
    pub revocation: RevocationCheck,
}

/// Checks access tokens: form, signature, claims, and the session that each one names.
#[derive(Debug)]
pub struct Guard<S> {
    verifier: Verifier,
    sessions: SessionCheck<S>,
}

impl Guard<DynamoUsers> {
    /// A guard over a deployment. No AWS client is made when `settings` need none.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`].
    pub async fn connect(settings: GuardSettings, aws: &Aws) -> Result<Self, KeySourceError> {
        let keys = settings.keys.load(aws).await?.verifying_keys();
        let users = async || DynamoUsers::connect(aws, settings.users_table).await;
        let sessions = match settings.revocation {
            RevocationCheck::Strict => SessionCheck::strict(users().await),
            RevocationCheck::Cached(delay) => SessionCheck::cached(users().await, delay),
            RevocationCheck::Off => SessionCheck::off(),
        };
        Ok(Self::new(Verifier::new(keys, settings.tokens), sessions))
    }
}

impl<S: FindSession> Guard<S> {
    /// A guard that accepts the tokens of `verifier` whose sessions pass `sessions`.
    pub const fn new(verifier: Verifier, sessions: SessionCheck<S>) -> Self {
        Self { verifier, sessions }
    }

    /// The caller of a protected route, who must present an access token as
    /// `Authorization: Bearer …`, or `JWT …` as Flask-JWT's clients do.
    ///
    /// # Errors
    /// The 401 or 403 that the route answers, or 503 when the session could not be looked up.
    pub async fn identify<B>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        self.check(request, requirement, now).await.map_err(ApiError::from_guard)
    }

    /// The caller of a route that is open to everybody; `None` when no token was presented. A bad
    /// token is refused all the same.
    ///
    /// # Errors
    /// As [`Guard::identify`].
    pub async fn identify_if_any<B>(
        &self,
        request: &Request<B>,
        now: Timestamp,
    ) -> Result<Option<Identity>, ApiError> {
        self.check_if_any(request, Requirement::TOKEN, now).await.map_err(ApiError::from_guard)
    }

    /// The caller of a route behind the API Gateway authorizer. The gateway caches decisions
    /// without looking at a token's `exp`, so that is checked here again; without an authorizer's
    /// context the token itself is, so that no route is open because a gateway is missing.
    ///
    /// # Errors
    /// As [`Guard::identify`].
    pub async fn identify_behind_authorizer<B>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        match Gateway::of(request).authorizer.as_ref().and_then(context::from_context) {
            Some(caller) if caller.claims().expires_at > now => {
                requirement.check(&caller, now).map_err(ApiError::from_guard)?;
                Ok(caller)
            }
            Some(_) => Err(ApiError::TokenExpired),
            None => self.identify(request, requirement, now).await,
        }
    }

    /// As [`Guard::identify`], for an application that words refusals itself.
    ///
    /// # Errors
    /// Every variant of [`Refusal`].
    pub async fn check<B>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, Refusal> {
        let caller = self.admit(access_token(request)?, now).await?;
        requirement.check(&caller, now)?;
        Ok(caller)
    }

    /// As [`Guard::check`]; `None` when no token was presented.
    ///
    /// # Errors
    /// Every variant of [`Refusal`] but [`Refusal::NoToken`].
    pub async fn check_if_any<B>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Option<Identity>, Refusal> {
        match self.check(request, requirement, now).await {
            Ok(caller) => Ok(Some(caller)),
            Err(Refusal::NoToken) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// The caller who presents the text of an access token.
    ///
    /// # Errors
    /// [`Refusal::Token`], [`Refusal::SessionEnded`] and [`Refusal::Fault`].
    pub async fn admit(&self, token: &str, now: Timestamp) -> Result<Identity, Refusal> {
        let token = PresentedToken::parse(token).map_err(Refusal::Token)?;
        let claims = self.verifier.access(token, now).map_err(Refusal::Token)?;
        let username =
            Username::parse(&claims.username).map_err(|_| Refusal::Token(TokenError::BadClaims))?;
        if self.sessions.is_alive(&username, &claims, now).await.map_err(Refusal::Fault)? {
            Ok(Identity::new(claims))
        } else {
            Err(Refusal::SessionEnded)
        }
    }
}

impl ApiError {
    /// The answer to a request that the guard did not let through.
    fn from_guard(refusal: Refusal) -> Self {
        Self::refusal(refusal, TokenType::Access)
    }
}
