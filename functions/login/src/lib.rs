//! `POST /login`: starts a session and returns its first tokens. `POST /auth` is the same for
//! clients of Flask-JWT.

use lambda_http::{Body, Request, Response};
use latchkey_guard::{Delivery, SessionOf, TokenLocations, token_response};
use latchkey_http::{
    ApiError, AttemptLimits, AuditEvent, ErrorKind, FLASK_JWT_PATH, JsonBody, audit, client, route,
    start_session,
};
use latchkey_keys::KeyCache;
use latchkey_password::{HashError, Hasher, Password, Verdict};
use latchkey_session::{
    AccountStatus, ReadUser, SessionLifetimes, SessionPolicy, UpdateLimit, UpdateUser, User,
};
use latchkey_token::{Issuer, Timestamp, TokenProfile};
use secrecy::SecretString;
use tracing::error;

/// Dependencies of the routes. The trait bounds name the calls that the function's
/// IAM policy allows on users and limits.
#[derive(Debug)]
pub struct Login<U, L> {
    /// Users and their sessions.
    pub users: U,
    /// Limits of password checks.
    pub limits: AttemptLimits<L>,
    /// Verifies passwords.
    pub hasher: Hasher,
    /// The signing key.
    pub keys: KeyCache,
    /// Issuer, audience and lifetimes of the tokens.
    pub profile: TokenProfile,
    /// Lifetimes of sessions, and their limit per user.
    pub sessions: SessionPolicy,
    /// Whether tokens may be in cookies, and in which.
    pub locations: TokenLocations,
    /// Enables `POST /auth`.
    pub flask_jwt: bool,
}

impl<U: ReadUser + UpdateUser, L: UpdateLimit> Login<U, L> {
    /// Exchanges `username` and `password` for tokens.
    ///
    /// # Errors
    /// `not_found` if Flask-JWT's login is disabled, `method_not_allowed`, the errors of
    /// [`JsonBody::parse`], `invalid_credentials` (whether or not the user exists, with the same
    /// answer and one hash), `account_disabled`, `csrf_failed` if a page of another origin requests
    /// cookies, `rate_limited`, and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        route(request, &[("POST", "*", ())])?;
        let is_flask_jwt = request.uri().path() == FLASK_JWT_PATH;
        if is_flask_jwt && !self.flask_jwt {
            return Err(ErrorKind::NotFound.into());
        }
        let body = JsonBody::parse(request)?;
        // Checked first: without a signing key the hash would be wasted.
        let keys = self.keys.get(now).await?;
        let key = keys.signing().ok_or_else(|| ApiError::internal("no signing key"))?;
        let (delivery, sessions) = if is_flask_jwt {
            (Delivery::AccessToken, self.sessions_without_refresh())
        } else {
            (self.locations.delivery(request, &body)?, self.sessions)
        };
        let (user, rehash) = self.authenticate(request, &body, now).await?;
        // When the password was verified, and its new hash.
        let proof = (now, rehash.as_ref());
        let started =
            start_session(&self.users, &sessions, &user, proof, client(request), now).await;
        let started = started.map_err(|error| error.for_user(&user.id))?;
        audit(AuditEvent::Login, request, &user.id);
        let issuer = Issuer::new(key, &self.profile);
        let holder = SessionOf { user: &user, id: &started.id, session: &started.session };
        let mut response = token_response(issuer, holder, true, delivery, now)?;
        // A browser that logs in without cookies must not keep those of an older session.
        self.locations.clear_strays(request, response.headers_mut());
        Ok(response)
    }

    /// A session that cannot be refreshed ends with its access token.
    fn sessions_without_refresh(&self) -> SessionPolicy {
        let SessionLifetimes { idle, absolute } = self.sessions.lifetimes;
        let idle = idle.min(self.profile.access_lifetime);
        SessionPolicy { lifetimes: SessionLifetimes { idle, absolute }, ..self.sessions }
    }

    /// The user with the name and password in `body`, and a new hash of the password if the
    /// stored one has other cost parameters.
    async fn authenticate(
        &self,
        request: &Request,
        body: &JsonBody,
        now: Timestamp,
    ) -> Result<(User, Option<SecretString>), ApiError> {
        let (username, password) = body.credentials()?;
        let password =
            Password::parse(&password).map_err(|error| ApiError::member("password", error))?;
        let read = self.users.find_user(&username);
        let found = self.limits.admit_login(request, &username, read, now).await?;
        let Some(user) = found else {
            self.hasher.verify_or_dummy(&password, None).map_err(ApiError::internal)?;
            return Err(ErrorKind::InvalidCredentials.into());
        };
        match self.verify(&user, &password) {
            Ok(rehash) => Ok((user, rehash)),
            Err(error) => Err(error.for_user(&user.id)),
        }
    }

    /// Verifies the password of an account. Returns a new hash if the stored one has other cost
    /// parameters.
    fn verify(&self, user: &User, password: &Password) -> Result<Option<SecretString>, ApiError> {
        let needs_rehash = match self.hasher.verify_or_dummy(password, user.password_hash.as_ref())
        {
            Ok(Verdict::Match { needs_rehash }) => needs_rehash,
            Ok(Verdict::Mismatch) => return Err(ErrorKind::InvalidCredentials.into()),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = user.id.as_str(), "{unverifiable}");
                return Err(ErrorKind::InvalidCredentials.into());
            }
            Err(failed) => return Err(ApiError::internal(failed)),
        };
        let rehash = needs_rehash.then(|| self.hasher.rehash(password));
        let rehash = rehash.transpose().map_err(ApiError::internal)?;
        if user.status == AccountStatus::Disabled {
            return Err(ErrorKind::AccountDisabled.into());
        }
        Ok(rehash)
    }
}
