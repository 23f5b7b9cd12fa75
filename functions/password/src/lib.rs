//! `POST /password` replaces the password, `POST /password/reset` sets one by a one-time code.

mod reset;

use lambda_http::{Body, Request, Response};
use latchkey_guard::{Caller, SessionOf, TokenReader, token_response};
use latchkey_http::{
    ApiError, AttemptLimits, AuditEvent, ErrorKind, JsonBody, Route, audit, client, new_session,
    route,
};
use latchkey_password::{
    HashError, Hasher, Password as PresentedPassword, PasswordPolicy, Verdict, Weakness,
};
use latchkey_session::{
    AccountChangeOutcome, ChangeAccount, PasswordChange, ReadUser, SessionPolicy, UpdateLimit,
    UpdateUser, User,
};
use latchkey_token::{Issuer, Timestamp};
use secrecy::SecretString;
use tracing::error;

#[derive(Clone, Copy)]
enum Action {
    Change,
    Reset,
}

const ROUTES: [Route<Action>; 2] =
    [("POST", "/password/reset", Action::Reset), ("POST", "*", Action::Change)];

/// Dependencies of the routes. The trait bounds name the calls that the function's
/// IAM policy allows on users and limits.
#[derive(Debug)]
pub struct Password<U, L> {
    /// Users and their sessions.
    pub users: U,
    /// Finds and verifies tokens; its keys sign the new ones.
    pub reader: TokenReader,
    /// Limits of password checks.
    pub limits: AttemptLimits<L>,
    /// Rules for new passwords.
    pub passwords: PasswordPolicy,
    /// Hashes and verifies passwords.
    pub hasher: Hasher,
    /// Lifetimes of the new session.
    pub sessions: SessionPolicy,
}

impl<U: ReadUser + UpdateUser + ChangeAccount, L: UpdateLimit> Password<U, L> {
    /// Replaces the password if the request has the current one, or sets it by a one-time code. The
    /// same write ends all sessions, so that stolen tokens are revoked. A change also starts a new
    /// session, whose tokens are delivered as the request's token was.
    ///
    /// # Errors
    /// The 401 for an invalid token, `invalid_credentials`, `weak_password`, `invalid_request`,
    /// `rate_limited`, `invalid_code`, and faults of the stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        if let (Action::Reset, _) = route(request, &ROUTES)? {
            // Boxed because a call of the AWS SDK is a future of many kilobytes.
            return Box::pin(self.reset(request, now)).await;
        }
        let caller = Caller::read(&self.reader, &self.users, request, now).await?;
        let changed = self.change(&caller, request, now).await;
        changed.map_err(|error| error.for_user(&caller.user.id))
    }

    async fn change(
        &self,
        caller: &Caller,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        // Before any write: without a signing key there are no tokens to return.
        let key = caller.keys.signing().ok_or_else(|| ApiError::internal("no signing key"))?;
        let body = JsonBody::parse(request)?;
        let (current, new) = (body.secret("current_password")?, body.secret("new_password")?);
        let new = self.accept(&caller.user, &new)?;
        self.limits.admit_user(request, &caller.user, now).await?;
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
        audit(AuditEvent::PasswordChange, request, &user.id);
        let holder = SessionOf { user, id: &started.id, session: &started.session };
        let delivery = self.reader.locations.delivery_beside(request, caller.location);
        let issuer = Issuer::new(key, &self.reader.profile);
        token_response(issuer, holder, true, delivery, now)
    }

    /// Verifies the current password, and returns it parsed.
    fn check_current(
        &self,
        user: &User,
        password: &SecretString,
    ) -> Result<PresentedPassword, ApiError> {
        let wrong = ErrorKind::InvalidCredentials;
        let password = PresentedPassword::parse(password).map_err(|_| wrong)?;
        match self.hasher.verify_or_dummy(&password, user.password_hash.as_ref()) {
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

/// The error after a concurrent change: the session ended, or the password changed.
fn refused(read: &User, found: Option<Box<User>>) -> ApiError {
    let is_unchanged = |found: Box<User>| {
        found.id == read.id && found.credentials_version == read.credentials_version
    };
    if found.is_some_and(is_unchanged) {
        ErrorKind::TokenRevoked.into()
    } else {
        ErrorKind::InvalidCredentials.into()
    }
}
