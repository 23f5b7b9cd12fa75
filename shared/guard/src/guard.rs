//! The guard: authenticates the caller of a route.

use std::{convert::Infallible, fmt, sync::Arc};

use lambda_http::Request;
use latchkey_http::{ApiError, ErrorKind, RequestContext};
use latchkey_session::ReadUser;
use latchkey_token::{AccessClaims, Subject, Timestamp};

use crate::{
    Identity, Requirement, RevocationCheck, TokenLocations, TokenReader, claimed_username, context,
    revocation::Sessions,
};

type ClaimsCheck = Arc<dyn Fn(&Identity) -> bool + Send + Sync>;

/// Authenticates callers by their access token: form, signature, claims, and the session that the
/// token names.
pub struct Guard<U> {
    reader: TokenReader,
    sessions: Sessions<U>,
    claims_check: Option<ClaimsCheck>,
}

impl<U: fmt::Debug> fmt::Debug for Guard<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("reader", &self.reader)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl Guard<Infallible> {
    /// A guard that looks nothing up: a token is good until it expires.
    pub fn stateless(reader: TokenReader) -> Self {
        Self::new(reader, None, RevocationCheck::Off)
    }
}

impl<U: ReadUser> Guard<U> {
    /// A guard that looks the sessions of tokens up in `users` as `check` says. Without `users`
    /// nothing is looked up: a token is good until it expires, and a legacy token is refused,
    /// because only the legacy table says whose it is.
    pub fn new(reader: TokenReader, users: Option<U>, check: RevocationCheck) -> Self {
        Self { reader, sessions: Sessions::new(users, check), claims_check: None }
    }

    /// The same guard, which also refuses a caller for whom `check` returns false.
    #[must_use]
    pub fn verify_with(self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        Self { claims_check: Some(Arc::new(check)), ..self }
    }

    /// The caller of a protected route.
    ///
    /// # Errors
    /// The 401 or 403 that the route answers, and 503 if keys or session cannot be looked up.
    pub async fn authenticate(
        &self,
        request: &Request,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        let presented = self.reader.access(request, now).await?;
        let caller = self.admit(presented.claims, now).await?.found_in(presented.location);
        requirement.check(&caller, now)?;
        Ok(caller)
    }

    /// The caller of a route that is open to all, or `None` without a token. A bad token is
    /// refused all the same.
    ///
    /// # Errors
    /// As [`Guard::authenticate`].
    pub async fn authenticate_optional(
        &self,
        request: &Request,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Option<Identity>, ApiError> {
        match self.authenticate(request, requirement, now).await {
            Err(error) if error.kind() == ErrorKind::MissingToken => Ok(None),
            authenticated => authenticated.map(Some),
        }
    }

    /// The caller whose access token is `token`, for programs that get it in another way.
    ///
    /// # Errors
    /// As [`Guard::authenticate`].
    pub async fn authenticate_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        self.admit(self.reader.access_text(token, now).await?, now).await
    }

    /// The caller of a route behind the API Gateway authorizer, from the context that it returned.
    ///
    /// The gateway caches decisions without looking at `exp`, so it is checked again. Without a
    /// context the token itself is verified, so that no route is open where a gateway is missing.
    ///
    /// # Errors
    /// As [`Guard::authenticate`].
    pub async fn from_authorizer_context(
        &self,
        request: &Request,
        requirement: Requirement,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        let context = RequestContext::of(request);
        let Some(caller) = context.authorizer.as_ref().and_then(context::from_context) else {
            return self.authenticate(request, requirement, now).await;
        };
        if caller.claims().expires_at + self.reader.profile.leeway <= now {
            return Err(ErrorKind::TokenExpired.into());
        }
        requirement.check(&caller, now)?;
        Ok(caller)
    }

    /// Checks the account behind verified claims.
    async fn admit(&self, claims: AccessClaims, now: Timestamp) -> Result<Identity, ApiError> {
        let caller = match (&claims.subject, &claims.session) {
            (Subject::User { id, username }, Some(session)) => {
                let name = claimed_username(username)?;
                if !self.sessions.is_alive(&name, id, session, now).await? {
                    return Err(ErrorKind::TokenRevoked.into());
                }
                Identity::new(id.clone(), username.clone(), claims)
            }
            (Subject::Legacy { identity }, _) => {
                let user = self.sessions.legacy_account(identity).await?;
                let user = user.ok_or(ErrorKind::TokenRevoked)?;
                Identity::new(user.id, user.username.typed().to_owned(), claims)
            }
            (Subject::User { .. }, None) => return Err(ErrorKind::InvalidToken.into()),
        };
        if self.claims_check.as_ref().is_some_and(|check| !check(&caller)) {
            return Err(ErrorKind::ClaimsRejected.into());
        }
        Ok(caller)
    }
}

impl<U> Guard<U> {
    /// Where it looks for tokens.
    pub const fn locations(&self) -> &TokenLocations {
        &self.reader.locations
    }
}
