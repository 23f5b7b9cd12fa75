//! Starting a session for a user who may have one.

use lambda_http::{Request, http::header::USER_AGENT};
use latchkey_session::{
    AccountChangeOutcome, AccountStatus, Client, SessionPolicy, SessionStart, StartedSession,
    UpdateUser, User,
};
use latchkey_token::{OperationId, SessionId, Timestamp};
use secrecy::SecretString;

use crate::{ApiError, Gateway};

/// A user who may have a session, as read a moment ago.
#[derive(Debug)]
pub struct Proven {
    /// The user.
    pub user: User,
    /// When the user proved the password.
    pub auth_time: Timestamp,
    /// A stronger hash of the password, when the stored one is outdated.
    pub password_hash: Option<SecretString>,
}

/// Writes a session for `proven`, on condition that the account is active and its credentials are
/// still those that were read.
///
/// # Errors
/// [`ApiError::AccountDisabled`] when it was disabled meanwhile, [`ApiError::InvalidCredentials`]
/// when the credentials have changed, and our own faults.
pub async fn start_session(
    users: &impl UpdateUser,
    policy: &SessionPolicy,
    proven: Proven,
    client: Client,
    now: Timestamp,
) -> Result<(User, StartedSession), ApiError> {
    let Proven { user, auth_time, password_hash } = proven;
    let started = new_session(policy, &user, client, now)?;
    let started = policy.proved_at(started, auth_time);
    let start =
        SessionStart { user: &user, started: &started, password_hash: password_hash.as_ref() };
    match users.start_session(&start).await.map_err(ApiError::store)? {
        AccountChangeOutcome::Made => Ok((user, started)),
        AccountChangeOutcome::Changed(current) => Err(refused_start(&user, current)),
    }
}

/// Why a session of `proven` was not started, by the account as it is now.
fn refused_start(proven: &User, current: Option<Box<User>>) -> ApiError {
    match current {
        // Disabling an account counts its credentials version too.
        Some(current) if current.id == proven.id && current.status == AccountStatus::Disabled => {
            ApiError::AccountDisabled
        }
        _ => ApiError::InvalidCredentials,
    }
}

/// A session for `user` that is not written yet.
///
/// # Errors
/// [`ApiError::Internal`] when there are no random bytes.
pub fn new_session(
    policy: &SessionPolicy,
    user: &User,
    client: Client,
    now: Timestamp,
) -> Result<StartedSession, ApiError> {
    let id = SessionId::generate().map_err(ApiError::randomness)?;
    let operation = OperationId::generate().map_err(ApiError::randomness)?;
    Ok(policy.start(&user.sessions, id, operation, client, now))
}

/// Where a request came from.
pub fn client(request: &Request) -> Client {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Client::new(Gateway::of(request).source_ip.as_str(), user_agent.unwrap_or_default())
}
