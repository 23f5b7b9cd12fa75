//! `POST /password`: replaces a password, and all sessions by a new one.

use lambda_http::{Body, Request, Response};
use latchkey_guard::{Caller, SessionOf, TokenReader, token_response};
use latchkey_http::{ApiError, ErrorKind, JsonBody, client, new_session, route};
use latchkey_password::{
    HashError, Hasher, Password as Presented, PasswordPolicy, Verdict, Weakness,
};
use latchkey_session::{
    AccountChangeOutcome, Email, PasswordChange, ReadUser, SessionPolicy, UpdateUser, User,
};
use latchkey_token::{Issuer, Timestamp};
use secrecy::SecretString;
use tracing::{error, info};

/// What its routes use. The trait bounds are its IAM policy.
#[derive(Debug)]
pub struct Password<U> {
    /// Where users are.
    pub users: U,
    /// What finds and checks tokens, and signs them.
    pub reader: TokenReader,
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
        route(request, &[("POST", "*", ())])?;
        let caller = Caller::read(&self.reader, &self.users, request, now).await?;
        // Before anything is written: without a key there is nothing to return.
        let key = caller.keys.signing().ok_or_else(|| ApiError::internal("no key signs"))?;
        let body = JsonBody::parse(request)?;
        let (current, new) = (body.secret("current_password")?, body.secret("new_password")?);
        let username = caller.user.username.folded();
        let email = caller.user.email.as_ref().map_or("", Email::as_str);
        let new = self
            .passwords
            .accept(&new, &[username, email])
            .map_err(|error| ApiError::new_password("new_password", error.codes(), error))?;
        let current = self.check_current(&caller.user, &current)?;
        if current.is_same(new.as_password()) {
            let reasons = vec![Weakness::Unchanged.code()];
            return Err(ApiError::new_password("new_password", reasons, ""));
        }
        let hash = self.hasher.hash(&new).map_err(ApiError::internal)?;
        let (user, session) = (&caller.user, caller.session.as_ref());
        let started = new_session(&self.sessions, user, client(request), now)?;
        let change = PasswordChange { user, session, started: &started, password_hash: &hash };
        match self.users.change_password(&change).await? {
            AccountChangeOutcome::Made => {}
            AccountChangeOutcome::Changed(found) => return Err(refused(user, found)),
        }
        info!(user = user.id.as_str(), "password changed, all other sessions ended");
        let holder = SessionOf { user, id: &started.id, session: &started.session };
        let delivery = self.reader.locations.delivery_beside(request, caller.location);
        let issuer = Issuer::new(key, &self.reader.profile);
        token_response(issuer, holder, true, delivery, now)
    }

    /// The current password, if `password` is it.
    fn check_current(&self, user: &User, password: &SecretString) -> Result<Presented, ApiError> {
        let wrong = ErrorKind::InvalidCredentials;
        let password = Presented::parse(password).map_err(|_| wrong)?;
        match self.hasher.verify(&password, &user.password_hash) {
            Ok(Verdict::Match { .. }) => Ok(password),
            Ok(Verdict::Mismatch) => Err(wrong.into()),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = user.id.as_str(), "{unverifiable}");
                Err(wrong.into())
            }
            Err(failed) => Err(ApiError::internal(failed)),
        }
    }
}

/// Why the password was not changed: the session has ended, or the proved password is outdated.
fn refused(read: &User, found: Option<Box<User>>) -> ApiError {
    let is_as_proved = |found: Box<User>| {
        found.id == read.id && found.credentials_version == read.credentials_version
    };
    if found.is_some_and(is_as_proved) {
        ErrorKind::TokenRevoked.into()
    } else {
        ErrorKind::InvalidCredentials.into()
    }
}
