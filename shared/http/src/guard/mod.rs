//! The guard: who is calling, and may they.

mod context;
mod identity;
mod layer;
mod refusal;
mod requirement;
mod session_check;

use std::{fmt, sync::Arc};

use lambda_http::http::Request;
use latchkey_session::{ReadUser, Username};
use latchkey_store::{Aws, DynamoUsers, KeySource, KeySourceError};
use latchkey_token::{
    AccessClaims, FlaskClaims, PresentedToken, Timestamp, TokenError, TokenProfile, TokenType,
    Verifier,
};

pub use context::to_context;
pub use identity::Identity;
pub use layer::{GuardLayer, Guarded};
pub use refusal::Refusal;
pub use requirement::Requirement;
pub use session_check::{RevocationCheck, SessionCheck};

use crate::{
    ApiError, ErrorSettings, Gateway, TokenLocations, TokenReader, locations::TokenBody,
    presented::AccessToken,
};

/// What a guard is made from.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// The users table, which holds the sessions.
    pub users_table: String,
    /// Where the keys are.
    pub keys: KeySource,
    /// The table that says whose a Flask service's tokens are, if there is such a service.
    pub legacy_table: Option<String>,
    /// Which tokens are ours.
    pub tokens: TokenProfile,
    /// Where they may be.
    pub locations: TokenLocations,
    /// When a session is looked up.
    pub revocation: RevocationCheck,
    /// How a layer writes refusals.
    pub errors: ErrorSettings,
}

type Hook = Arc<dyn Fn(&AccessClaims) -> bool + Send + Sync>;

/// Checks access tokens: form, signature, claims, and the session that each one names.
pub struct Guard<S> {
    reader: TokenReader,
    sessions: SessionCheck<S>,
    hook: Option<Hook>,
    errors: ErrorSettings,
}

impl<S: fmt::Debug> fmt::Debug for Guard<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("reader", &self.reader)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl Guard<DynamoUsers> {
    /// A guard over a deployment. No AWS client is made when `settings` need none.
    ///
    /// # Errors
    /// As [`TokenReader::connect`].
    pub async fn connect(
        settings: GuardSettings,
        aws: &Aws,
        now: Timestamp,
    ) -> Result<Self, KeySourceError> {
        let GuardSettings { keys, tokens, locations, .. } = settings;
        let reader = TokenReader::connect(keys, tokens, locations, aws, now).await?;
        let has_legacy = settings.legacy_table.is_some();
        let users = async || {
            let users = DynamoUsers::connect(aws, settings.users_table).await;
            users.with_legacy(settings.legacy_table)
        };
        let sessions = match settings.revocation {
            RevocationCheck::Strict => SessionCheck::strict(users().await),
            RevocationCheck::Cached(delay) => SessionCheck::cached(users().await, delay),
            RevocationCheck::Off if has_legacy => SessionCheck::legacy_alone(users().await),
            RevocationCheck::Off => SessionCheck::off(),
        };
        Ok(Self { errors: settings.errors, ..Self::reading(reader, sessions) })
    }
}

impl<S: ReadUser> Guard<S> {
    /// A guard that accepts the tokens of `verifier` whose sessions pass `sessions`, in
    /// `Authorization: Bearer …`.
    pub fn new(verifier: Verifier, sessions: SessionCheck<S>) -> Self {
        Self::reading(TokenReader::new(verifier), sessions)
    }

    /// A guard that accepts the tokens that `reader` reads and whose sessions pass `sessions`.
    pub fn reading(reader: TokenReader, sessions: SessionCheck<S>) -> Self {
        Self { reader, sessions, hook: None, errors: ErrorSettings::default() }
    }

    /// The same, but a layer writes refusals as `errors` says.
    #[must_use]
    pub fn with_errors(self, errors: ErrorSettings) -> Self {
        Self { errors, ..self }
    }

    /// The same, but a token is refused also when `hook` returns false on its claims.
    #[must_use]
    pub fn verify_with(self, hook: impl Fn(&AccessClaims) -> bool + Send + Sync + 'static) -> Self {
        Self { hook: Some(Arc::new(hook)), ..self }
    }

    /// The caller of a protected route, who must present an access token.
    ///
    /// # Errors
    /// The 401 or 403 that the route answers, or 503 when the session could not be looked up.
    pub async fn identify<B: TokenBody>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        self.check(request, requirement, now).await.map_err(|refusal| self.answer(refusal))
    }

    /// The caller of a route that is open to everybody; `None` when no token was presented. A bad
    /// token is refused all the same.
    ///
    /// # Errors
    /// As [`Guard::identify`].
    pub async fn identify_if_any<B: TokenBody>(
        &self,
        request: &Request<B>,
        now: Timestamp,
    ) -> Result<Option<Identity>, ApiError> {
        self.check_if_any(request, Requirement::TOKEN, now)
            .await
            .map_err(|refusal| self.answer(refusal))
    }

    /// The caller of a route behind the API Gateway authorizer. The gateway caches decisions
    /// without looking at a token's `exp`, so that is checked here again; without an authorizer's
    /// context the token itself is, so that no route is open because a gateway is missing.
    ///
    /// # Errors
    /// As [`Guard::identify`].
    pub async fn identify_behind_authorizer<B: TokenBody>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        match Gateway::of(request).authorizer.as_ref().and_then(context::from_context) {
            Some(caller) if caller.claims().expires_at + self.reader.leeway > now => {
                requirement.check(&caller, now).map_err(|refusal| self.answer(refusal))?;
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
    pub async fn check<B: TokenBody>(
        &self,
        request: &Request<B>,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, Refusal> {
        let (token, location) = self.reader.access(request, now).await?;
        let caller = self.admit_genuine(token, now).await?.found_in(location);
        requirement.check(&caller, now)?;
        Ok(caller)
    }

    /// As [`Guard::check`]; `None` when no token was presented.
    ///
    /// # Errors
    /// Every variant of [`Refusal`] but [`Refusal::NoToken`].
    pub async fn check_if_any<B: TokenBody>(
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
        self.admit_genuine(self.reader.genuine(token, now).await?, now).await
    }

    async fn admit_genuine(&self, token: AccessToken, now: Timestamp) -> Result<Identity, Refusal> {
        let claims = match token {
            AccessToken::Ours(claims) => self.with_live_session(claims, now).await?,
            AccessToken::Flask(claims) => self.with_account(claims).await?,
        };
        if self.hook.as_ref().is_some_and(|hook| !hook(&claims)) {
            return Err(Refusal::ClaimsRejected);
        }
        Ok(Identity::new(claims))
    }

    async fn with_live_session(
        &self,
        claims: AccessClaims,
        now: Timestamp,
    ) -> Result<AccessClaims, Refusal> {
        let username = username(&claims.username)?;
        if self.sessions.is_alive(&username, &claims, now).await.map_err(Refusal::Fault)? {
            Ok(claims)
        } else {
            Err(Refusal::SessionEnded)
        }
    }

    /// A Flask service's token names no session, and no account of ours: the legacy table says which
    /// one its identity was moved to.
    async fn with_account(&self, token: FlaskClaims) -> Result<AccessClaims, Refusal> {
        let account = self.sessions.legacy_account(&token).await.map_err(Refusal::Fault)?;
        let account = account.ok_or(Refusal::SessionEnded)?;
        Ok(AccessClaims {
            user: account.id,
            username: account.username.typed().to_owned(),
            session: token.session,
            token: token.token,
            auth_time: token.issued_at,
            expires_at: token.expires_at,
            fresh: token.fresh,
            roles: Vec::new(),
            csrf: token.csrf,
            claims: token.claims,
        })
    }
}

impl<S> Guard<S> {
    /// Where it looks for tokens.
    pub const fn locations(&self) -> &TokenLocations {
        &self.reader.locations
    }

    /// The answer to a request that is not let through.
    pub(crate) fn answer(&self, refusal: Refusal) -> ApiError {
        self.reader.locations.refusal(refusal, TokenType::Access)
    }
}

fn username(claimed: &str) -> Result<Username, Refusal> {
    Username::parse(claimed).map_err(|_| Refusal::Token(TokenError::BadClaims))
}
