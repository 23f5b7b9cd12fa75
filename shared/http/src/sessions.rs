//! Starting sessions.

use lambda_http::http::{Request, header::USER_AGENT};
use latchkey_session::{
    AccountChangeOutcome, AccountStatus, Client, SessionPolicy, SessionStart, StartedSession,
    UpdateUser, User,
};
use latchkey_token::{OperationId, SessionId, Timestamp};
use secrecy::SecretString;

use crate::{ApiError, ErrorKind, RequestContext};

/// Starts a session for `user`, who proved the password at `auth_time`, and writes it. A `rehash`
/// is a stronger hash of the same password; it replaces the stored hash in the same write.
///
/// # Errors
/// 403 [`AccountDisabled`](ErrorKind::AccountDisabled) if the account was disabled since it was
/// read; 401 [`InvalidCredentials`](ErrorKind::InvalidCredentials) if its credentials have changed
/// or it was deleted; 500 or 503 for a fault of the store.
pub async fn start_session(
    users: &impl UpdateUser,
    policy: &SessionPolicy,
    user: &User,
    (auth_time, rehash): (Timestamp, Option<&SecretString>),
    client: Client,
    now: Timestamp,
) -> Result<StartedSession, ApiError> {
    let started = policy.proved_at(new_session(policy, user, client, now)?, auth_time);
    let start = SessionStart { user, started: &started, password_hash: rehash };
    match users.start_session(&start).await? {
        AccountChangeOutcome::Made => Ok(started),
        // Disabling an account changes its credentials version too.
        AccountChangeOutcome::Changed(Some(current))
            if current.id == user.id && current.status == AccountStatus::Disabled =>
        {
            Err(ErrorKind::AccountDisabled.into())
        }
        AccountChangeOutcome::Changed(_) => Err(ErrorKind::InvalidCredentials.into()),
    }
}

/// A new session for `user` with a random id. The caller writes it.
///
/// # Errors
/// 500 [`Internal`](ErrorKind::Internal) if the operating system returns no random bytes.
pub fn new_session(
    policy: &SessionPolicy,
    user: &User,
    client: Client,
    now: Timestamp,
) -> Result<StartedSession, ApiError> {
    let (id, operation) = (SessionId::generate()?, OperationId::generate()?);
    Ok(policy.start(&user.sessions, id, operation, client, now))
}

/// The address from API Gateway and the `User-Agent` header of a request.
pub fn client<B>(request: &Request<B>) -> Client {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Client::new(RequestContext::of(request).source_ip.as_str(), user_agent.unwrap_or_default())
}
