//! Sessions.

use std::{collections::BTreeMap, fmt, time::Duration};

use latchkey_token::{Generation, OperationId, SessionId, Timestamp, UserId};

use crate::{AccountStatus, user::accepts_legacy_tokens};

const MAX_USER_AGENT_BYTES: usize = 256;

/// The sessions of one user by id.
pub type Sessions = BTreeMap<SessionId, Session>;

/// A session: starts with a login; all tokens that descend from this login name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// How often the session has been rotated: `gen` of the newest refresh token.
    pub generation: u64,
    /// When it was last rotated; before the first rotation, when it started.
    pub rotated_at: Timestamp,
    /// When the session started.
    pub created_at: Timestamp,
    /// When the session expires unless it is rotated first.
    pub expires_at: Timestamp,
    /// When the user last proved the password: `auth_time` of the tokens. The absolute lifetime
    /// counts from here.
    pub auth_time: Timestamp,
    /// The client of the last refresh; before the first refresh, of the login.
    pub client: Client,
    /// The id of the write that made the newest generation. It is also the `jti` of that
    /// generation's refresh token, so that the token is the same each time it is issued.
    pub operation: OperationId,
}

impl Session {
    /// The current generation, for which to issue the refresh token.
    pub fn newest(&self) -> Generation {
        Generation {
            number: self.generation,
            token: self.operation.clone().into(),
            began_at: self.rotated_at,
        }
    }
}

/// The client of a request.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// The client's IP address as API Gateway sees it, never from a header.
    pub address: String,
    /// The `User-Agent` header, at most 256 bytes. Clients can forge it.
    pub user_agent: String,
}

/// Prints neither address nor user agent, because printed values end up in logs.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client([redacted])")
    }
}

impl Client {
    /// A client. `user_agent` is truncated to 256 bytes at a character boundary.
    pub fn new(address: impl Into<String>, user_agent: &str) -> Self {
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
        let user_agent = user_agent.get(..end).unwrap_or_default().to_owned();
        Self { address: address.into(), user_agent }
    }
}

/// Lifetimes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// How long a session lives without a refresh: the lifetime of a refresh token.
    pub idle: Duration,
    /// How long a session lives at most, counted from `auth_time`, however often it is refreshed.
    pub absolute: Duration,
}

impl SessionLifetimes {
    /// The expiry of a session with this `auth_time` that is rotated at `now`.
    pub(crate) fn expiry(&self, auth_time: Timestamp, now: Timestamp) -> Timestamp {
        (now + self.idle).min(auth_time + self.absolute)
    }
}

/// The part of a user that a token check needs: the account and one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The id of the user who has the name now. It differs from the token's `sub` if the account
    /// was deleted and the name reused.
    pub user: UserId,
    /// Whether the account may be used.
    pub status: AccountStatus,
    /// How often password and status of the account have changed.
    pub credentials_version: u64,
    /// When the session expires; `None` if it has ended or never existed.
    pub session_expires_at: Option<Timestamp>,
}

impl SessionState {
    /// See [`User::accepts_legacy_tokens`](crate::User::accepts_legacy_tokens).
    pub fn accepts_legacy_tokens(&self, user: &UserId) -> bool {
        accepts_legacy_tokens((&self.user, self.status, self.credentials_version), user)
    }

    /// Whether the session is alive for a token of `user`: same user, active account, session not
    /// expired.
    pub fn is_alive(&self, user: &UserId, now: Timestamp) -> bool {
        self.user == *user
            && self.status == AccountStatus::Active
            && self.session_expires_at.is_some_and(|expires_at| expires_at > now)
    }
}
