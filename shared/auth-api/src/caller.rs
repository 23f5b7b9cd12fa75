//! Who is calling, and that they know the password.

use auth_api::{ApiError, claimed_username};
use auth_password::{HashError, Password, Verdict};
use auth_session::User;
use auth_store::{AccountChange, FindUser};
use auth_token::{OperationId, SessionId, Timestamp, UserId};
use lambda_http::Request;
use secrecy::SecretString;
use tracing::error;

use crate::Account;

/// How often a change is tried anew when the account changes meanwhile.
pub(crate) const MAX_TRIES: usize = 8;

/// The user who calls, as just read, and the live session that the token names.
pub(crate) struct Caller {
    pub(crate) user: User,
    pub(crate) session: SessionId,
    /// Names the write that the request leads to, if it leads to one.
    operation: OperationId,
}

impl Caller {
    pub(crate) const fn id(&self) -> &UserId {
        &self.user.id
    }

    /// A change of the account by this session.
    pub(crate) const fn change(&self) -> AccountChange<'_> {
        AccountChange { user: &self.user, session: &self.session, operation: &self.operation }
    }

    /// The same caller with what the account has become, after a change that met another.
    pub(crate) fn again(
        self,
        current: Option<Box<User>>,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        current
            .filter(|user| user.live_session(self.id(), &self.session, now).is_some())
            .map(|user| Self { user: *user, ..self })
            .ok_or(ApiError::TokenRevoked)
    }
}

impl<U: FindUser> Account<U> {
    /// Reads the user's item, which tells both who calls and whether the session lives.
    pub(crate) async fn caller(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Caller, ApiError> {
        let claims = self.reader.access(request, now).await?;
        let username = claimed_username(&claims.username)?;
        let found = self.users.find_user(&username).await.map_err(ApiError::store)?;
        let user = found
            .filter(|user| user.live_session(&claims.user, &claims.session, now).is_some())
            .ok_or(ApiError::TokenRevoked)?;
        let operation = OperationId::generate().map_err(ApiError::randomness)?;
        Ok(Caller { user, session: claims.session, operation })
    }
}

impl<U> Account<U> {
    /// Whether `password` is the caller's.
    pub(crate) fn prove(&self, caller: &Caller, password: &SecretString) -> Result<(), ApiError> {
        let password = Password::parse(password).map_err(|_| ApiError::InvalidCredentials)?;
        match self.hasher.verify(&password, &caller.user.password_hash) {
            Ok(Verdict::Match { .. }) => Ok(()),
            Ok(Verdict::Mismatch) => Err(ApiError::InvalidCredentials),
            Err(unverifiable @ HashError::Unverifiable) => {
                error!(user = caller.id().as_str(), "{unverifiable}");
                Err(ApiError::InvalidCredentials)
            }
            Err(failed @ HashError::Failed) => Err(ApiError::hash(failed)),
        }
    }
}
