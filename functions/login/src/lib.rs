//! `POST /login`: starts a session and answers its first tokens. `POST /auth` does so as Flask-JWT
//! does.

use lambda_http::{Body, Request, Response};
use latchkey_http::{
    ApiError, Delivery, FLASK_JWT_PATH, Freshness, JsonBody, Proven, SessionOf, TokenLocations,
    client, start_session, token_answer,
};
use latchkey_keys::KeyCache;
use latchkey_password::{HashError, Hasher, Password, Verdict};
use latchkey_session::{
    AccountStatus, ReadUser, SessionLifetimes, SessionPolicy, UpdateUser, User,
};
use latchkey_token::{Issuer, Timestamp};
use tracing::{error, info};

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Login<U> {
    /// Where users are found and their sessions started.
    pub users: U,
    /// What verifies passwords.
    pub hasher: Hasher,
    /// What signs tokens.
    pub issuer: KeyCache<Issuer>,
    /// How long sessions live and how many.
    pub sessions: SessionPolicy,
    /// Whether tokens may go into cookies, and into which.
    pub locations: TokenLocations,
    /// Whether there is `POST /auth`.
    pub flask_jwt: bool,
}

impl<U: ReadUser + UpdateUser> Login<U> {
    /// Exchanges `username` and `password` for tokens.
    ///
    /// # Errors
    /// `not_found` where Flask-JWT's login is disabled, `invalid_request`, `invalid_credentials` (one
    /// answer, one hash and the same calls whether the user exists or not), `account_disabled`,
    /// `csrf_failed` where cookies are asked for, and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let is_flask_jwt = request.uri().path() == FLASK_JWT_PATH;
        if is_flask_jwt && !self.flask_jwt {
            return Err(ApiError::NotFound);
        }
        let body = JsonBody::parse(request)?;
        // Asked for first: without keys there is nothing to prove a password for.
        let issuer = self.issuer.get(now).await.map_err(ApiError::keys)?;
        let (delivery, sessions) = if is_flask_jwt {
            (Delivery::AccessToken, self.sessions_without_refresh(&issuer))
        } else {
            (self.locations.delivery(request, &body)?, self.sessions)
        };
        let proven = self.prove(&body, now).await?;
        let (user, started) =
            start_session(&self.users, &sessions, proven, client(request), now).await?;
        info!(user = user.id.as_str(), session = started.id.as_str(), "logged in");
        let holder = SessionOf { user: &user, id: &started.id, session: &started.session };
        let mut answer = token_answer(&issuer, holder, Freshness::Fresh, delivery, now)?;
        self.locations.clear_strays(request, answer.headers_mut());
        Ok(answer)
    }

    /// A session that nobody can refresh ends with its access token.
    fn sessions_without_refresh(&self, issuer: &Issuer) -> SessionPolicy {
        let SessionLifetimes { idle, absolute } = self.sessions.lifetimes;
        let idle = idle.min(issuer.access_lifetime());
        SessionPolicy { lifetimes: SessionLifetimes { idle, absolute }, ..self.sessions }
    }

    /// The user whose name and password are in `body`, if the account may be used.
    async fn prove(&self, body: &JsonBody, now: Timestamp) -> Result<Proven, ApiError> {
        let (username, password) = body.credentials()?;
        let password = Password::parse(&password).map_err(ApiError::password)?;
        let found = self.users.find_user(&username).await.map_err(ApiError::store)?;
        let proven = self.verify(found, &password, now)?;
        if proven.user.status == AccountStatus::Disabled {
            return Err(ApiError::AccountDisabled);
        }
        Ok(proven)
    }

    fn verify(
        &self,
        found: Option<User>,
        password: &Password,
        now: Timestamp,
    ) -> Result<Proven, ApiError> {
        let Some(user) = found else {
            self.hasher.verify_dummy(password).map_err(ApiError::hash)?;
            return Err(ApiError::InvalidCredentials);
        };
        match self.hasher.verify(password, &user.password_hash) {
            Ok(Verdict::Match { needs_rehash }) => {
                let password_hash = needs_rehash.then(|| self.hasher.hash_again(password));
                let password_hash = password_hash.transpose().map_err(ApiError::hash)?;
                Ok(Proven { user, auth_time: now, password_hash })
            }
            Ok(Verdict::Mismatch) => Err(ApiError::InvalidCredentials),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = user.id.as_str(), "{unverifiable}");
                self.hasher.verify_dummy(password).map_err(ApiError::hash)?;
                Err(ApiError::InvalidCredentials)
            }
            Err(failed @ HashError::Failed) => Err(ApiError::hash(failed)),
        }
    }
}
