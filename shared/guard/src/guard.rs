//! The guard: authentication of callers.

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

/// Authenticates callers by their access token: signature, claims, and the session that the token
/// names. `U` is the user store that holds the sessions.
///
/// Create one at start, outside the handler: it caches keys and, if so configured, sessions.
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
    /// A guard without a user store: a token is accepted until it expires, even after a logout.
    /// Legacy tokens are refused.
    pub fn stateless(reader: TokenReader) -> Self {
        Self::new(reader, None, RevocationCheck::Off)
    }
}

impl<U: ReadUser> Guard<U> {
    /// A guard that looks up sessions in `users`, as often as `check` says.
    ///
    /// Without `users` it looks up nothing: a token is accepted until it expires, and legacy tokens
    /// are refused, because only the legacy table maps them to a user.
    pub fn new(reader: TokenReader, users: Option<U>, check: RevocationCheck) -> Self {
        Self { reader, sessions: Sessions::new(users, check), claims_check: None }
    }

    /// Adds a check of your own, which runs after all others but the [`Requirement`]. If it returns
    /// false, the request gets 403 [`ClaimsRejected`](ErrorKind::ClaimsRejected). A second call
    /// replaces the check.
    ///
    /// [`Guard::from_authorizer_context`] does not run it on a caller from an authorizer context.
    #[must_use]
    pub fn verify_with(self, check: impl Fn(&Identity) -> bool + Send + Sync + 'static) -> Self {
        Self { claims_check: Some(Arc::new(check)), ..self }
    }

    /// Authenticates the caller of a protected route.
    ///
    /// # Errors
    /// - 401 for a missing, invalid, expired or revoked token, for a failed CSRF check, and
    ///   [`FreshTokenRequired`](ErrorKind::FreshTokenRequired).
    /// - 403 [`InsufficientRole`](ErrorKind::InsufficientRole) and
    ///   [`ClaimsRejected`](ErrorKind::ClaimsRejected).
    /// - 400 [`InvalidRequest`](ErrorKind::InvalidRequest) for different tokens in several places
    ///   (RFC 6750 §2).
    /// - 503 [`Unavailable`](ErrorKind::Unavailable) if keys or session cannot be looked up, 500 if
    ///   the stored user is malformed.
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

    /// Authenticates the caller of a public route; `None` without a token. A bad token is refused.
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

    /// Authenticates by the text of an access token, for programs without an HTTP request.
    /// CSRF protection and [`Requirement`]s do not apply.
    ///
    /// # Errors
    /// As [`Guard::authenticate`], without those of CSRF and [`Requirement`].
    pub async fn authenticate_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        self.admit(self.reader.access_text(token, now).await?, now).await
    }

    /// The caller of a route behind Latchkey's API Gateway authorizer, from the authorizer context.
    ///
    /// Checks `exp` again, because API Gateway caches decisions without looking at it. The session is
    /// not read again, the check of [`Guard::verify_with`] does not run, and the context has no claims
    /// of the application. If a value of the context is missing, it verifies the token itself, so that
    /// a route without the authorizer is not open.
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

    /// Checks the session or account behind verified claims, then the application's own check.
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
    /// Where the guard looks for tokens.
    pub const fn locations(&self) -> &TokenLocations {
        &self.reader.locations
    }
}
