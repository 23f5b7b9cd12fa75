//! Sessions.

use std::{collections::BTreeMap, fmt, time::Duration};

use latchkey_token::{Generation, OperationId, SessionId, Timestamp, UserId};

use crate::{AccountStatus, user::accepts_legacy_tokens};

const MAX_USER_AGENT_BYTES: usize = 256;

/// The sessions of one user.
pub type Sessions = BTreeMap<SessionId, Session>;

/// What one login started: every token that it leads to names this session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// How often the refresh token has been rotated.
    pub generation: u64,
    /// When it was rotated last; at first, when the session started.
    pub rotated_at: Timestamp,
    /// When the session started.
    pub created_at: Timestamp,
    /// When it ends unless it is rotated before.
    pub expires_at: Timestamp,
    /// When the user last proved the password.
    pub auth_time: Timestamp,
    /// Where the last refresh came from; at first, the login.
    pub client: Client,
    /// The write that made the newest change. It also names the refresh token that the change
    /// made, so that the token is the same each time it is returned.
    pub operation: OperationId,
}

impl Session {
    /// The newest refresh token of the session.
    pub fn newest(&self) -> Generation {
        Generation {
            number: self.generation,
            token: self.operation.clone().into(),
            began_at: self.rotated_at,
        }
    }
}

/// Where a request came from, as far as the gateway knows.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// The client's address, from the gateway and never from a header.
    pub address: String,
    /// What the client says that it is, at most 256 bytes.
    pub user_agent: String,
}

/// Prints neither address nor device, because what prints ends in a log.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client([redacted])")
    }
}

impl Client {
    /// A client with that address; `user_agent` is cut to 256 bytes of whole characters.
    pub fn new(address: impl Into<String>, user_agent: &str) -> Self {
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
        let user_agent = user_agent.get(..end).unwrap_or_default().to_owned();
        Self { address: address.into(), user_agent }
    }
}

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// How long a session lives without being rotated: the refresh token's lifetime.
    pub idle: Duration,
    /// The longest a session lives, however often it is refreshed.
    pub absolute: Duration,
}

impl SessionLifetimes {
    /// When a session that was begun with a password at `auth_time` expires, if it is rotated at
    /// `now` and never again.
    pub(crate) fn expiry(&self, auth_time: Timestamp, now: Timestamp) -> Timestamp {
        (now + self.idle).min(auth_time + self.absolute)
    }
}

/// What the store knows of one session of one user when a token is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionState {
    /// The user who has the name now; another one if the account was deleted and the name reused.
    pub user: UserId,
    /// Whether that account may be used.
    pub status: AccountStatus,
    /// How often the account's password and status have been changed.
    pub credentials_version: u64,
    /// When the session expires; `None` when it has ended or never was.
    pub session_expires_at: Option<Timestamp>,
}

impl SessionState {
    /// As [`User::accepts_legacy_tokens`](crate::User::accepts_legacy_tokens).
    pub fn accepts_legacy_tokens(&self, user: &UserId) -> bool {
        accepts_legacy_tokens((&self.user, self.status, self.credentials_version), user)
    }

    /// Whether a token of `user` is still backed by the session.
    pub fn is_alive(&self, user: &UserId, now: Timestamp) -> bool {
        self.user == *user
            && self.status == AccountStatus::Active
            && self.session_expires_at.is_some_and(|expires_at| expires_at > now)
    }
}
