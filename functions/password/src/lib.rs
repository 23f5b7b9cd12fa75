//! `POST /password`: replaces a password, and all sessions by a new one.

use lambda_http::{Body, Request, Response};
use latchkey_http::{
    ApiError, Caller, Freshness, JsonBody, SessionOf, SigningKeys, TokenReader, client,
    new_session, token_answer,
};
use latchkey_password::{Hasher, PasswordPolicy, Weakness};
use latchkey_session::{
    AccountChangeOutcome, Email, PasswordChange, ReadUser, SessionPolicy, UpdateUser, User,
};
use latchkey_token::Timestamp;
use tracing::info;

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Password<U> {
    /// Where users are.
    pub users: U,
    /// What finds and checks tokens, and signs them.
    pub reader: TokenReader<SigningKeys>,
    /// What new passwords have to be.
    pub passwords: PasswordPolicy,
    /// What hashes and verifies them.
    pub hasher: Hasher,
    /// How long sessions live.
    pub sessions: SessionPolicy,
}

impl<U: ReadUser + UpdateUser> Password<U> {
    /// Replaces the password of a caller who proves the current one. A new session takes the place
    /// of the caller's in the same write, and every other session ends: a stolen pair of tokens
    /// does not survive it. The tokens go where the request's token came from.
    ///
    /// # Errors
    /// The 401 answers for a bad token, `invalid_credentials`, `weak_password`, `invalid_request`,
    /// and our own faults.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let caller = Caller::read(&self.reader, &self.users, request, now).await?;
        // Before anything is written: an answer needs them.
        let keys = self.reader.keys.get(now).await.map_err(ApiError::keys)?;
        let body = JsonBody::parse(request)?;
        let (current, new) = (body.secret("current_password")?, body.secret("new_password")?);
        let username = caller.user.username.folded();
        let email = caller.user.email.as_ref().map_or("", Email::as_str);
        let new = self
            .passwords
            .accept(&new, &[username, email])
            .map_err(|error| ApiError::new_password("new_password", error))?;
        let current = caller.prove(&self.hasher, &current)?;
        if current.is_same(new.as_password()) {
            return Err(ApiError::WeakPassword(vec![Weakness::Unchanged]));
        }
        let hash = self.hasher.hash(&new).map_err(ApiError::hash)?;
        let Caller { user, session, location } = caller;
        let started = new_session(&self.sessions, &user, client(request), now)?;
        let change = PasswordChange {
            user: &user,
            session: session.as_ref(),
            started: &started,
            password_hash: &hash,
        };
        match self.users.change_password(&change).await.map_err(ApiError::store)? {
            AccountChangeOutcome::Made => {}
            AccountChangeOutcome::Changed(found) => return Err(refused(&user, found)),
        }
        info!(user = user.id.as_str(), "password changed, all other sessions ended");
        let holder = SessionOf { user: &user, id: &started.id, session: &started.session };
        let delivery = self.reader.locations.delivery_beside(request, location);
        token_answer(&keys.issuer, holder, Freshness::Fresh, delivery, now)
    }
}

/// Why the password was not changed: the session has ended, or the proved password is outdated.
fn refused(read: &User, found: Option<Box<User>>) -> ApiError {
    let is_as_proved = |found: Box<User>| {
        found.id == read.id && found.credentials_version == read.credentials_version
    };
    if found.is_some_and(is_as_proved) {
        ApiError::TokenRevoked
    } else {
        ApiError::InvalidCredentials
    }
}
