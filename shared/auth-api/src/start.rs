//! Starting a session for a user who may have one.

use auth_session::{Client, SessionPolicy, StartedSession, User};
use auth_store::{SessionStart, StartSession, StartSessionOutcome};
use auth_token::{OperationId, SessionId, Timestamp};
use lambda_http::{Request, http::header::USER_AGENT};
use secrecy::SecretString;

use crate::{ApiError, Gateway};

/// How often a session's start makes room for it anew when others come or go meanwhile.
const MAX_STARTS: usize = 8;

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

/// Writes a session for `proven`, on condition that the credentials are still those that were read.
///
/// # Errors
/// [`ApiError::InvalidCredentials`] when they have changed meanwhile, and our own faults.
pub async fn start_session(
    users: &impl StartSession,
    policy: &SessionPolicy,
    proven: Proven,
    client: Client,
    now: Timestamp,
) -> Result<(User, StartedSession), ApiError> {
    let Proven { mut user, auth_time, password_hash } = proven;
    let id = SessionId::generate().map_err(ApiError::randomness)?;
    let operation = OperationId::generate().map_err(ApiError::randomness)?;
    for _ in 0..MAX_STARTS {
        let (id, operation) = (id.clone(), operation.clone());
        let started = policy.start(&user.sessions, id, operation, client.clone(), now);
        let started = policy.proved_at(started, auth_time);
        let start = SessionStart {
            username: &user.username,
            user: &user.id,
            credentials_version: user.credentials_version,
            started: &started,
            password_hash: password_hash.as_ref(),
        };
        match users.start_session(&start).await.map_err(ApiError::store)? {
            StartSessionOutcome::Started => return Ok((user, started)),
            StartSessionOutcome::Changed(Some(current)) if is_as_proved(&user, &current) => {
                user = *current;
            }
            StartSessionOutcome::Changed(_) => return Err(ApiError::InvalidCredentials),
        }
    }
    Err(ApiError::Unavailable("too many logins of one user at once".into()))
}

/// Whether the credentials that were proved for `user` are still those of the account.
fn is_as_proved(user: &User, current: &User) -> bool {
    user.id == current.id && user.credentials_version == current.credentials_version
}

/// Where a request came from.
pub fn client(request: &Request) -> Client {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Client::new(Gateway::of(request).source_ip.as_str(), user_agent.unwrap_or_default())
}
