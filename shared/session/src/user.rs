//! Accounts.

use latchkey_token::{AdditionalClaims, SessionId, Timestamp, UserId};
use secrecy::SecretString;

use crate::{Email, Session, SessionState, Sessions, Username};

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// It may.
    Active,
    /// An operator has switched it off. Its tokens are refused, its password opens nothing.
    Disabled,
}

/// An account with everything that belongs to it: one item of the users table.
#[derive(Clone, Debug)]
pub struct User {
    /// The identifier that tokens carry. A name can be given to another person; this cannot.
    pub id: UserId,
    /// The name that the user logs in with.
    pub username: Username,
    /// Where to reach the user.
    pub email: Option<Email>,
    /// The password's hash as a PHC string.
    pub password_hash: SecretString,
    /// What the user may do; meaning is the application's.
    pub roles: Vec<String>,
    /// What the user's access tokens say besides, for the application.
    pub claims: AdditionalClaims,
    /// Whether the account may be used.
    pub status: AccountStatus,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Counts changes of password and status. A login that read an older one is refused.
    pub credentials_version: u64,
    /// The sessions, those that have expired unnoticed included.
    pub sessions: Sessions,
}

impl User {
    /// The state of the account and of `session`.
    pub fn state_of(&self, session: Option<&SessionId>) -> SessionState {
        let session = session.and_then(|id| self.sessions.get(id));
        SessionState {
            user: self.id.clone(),
            status: self.status,
            credentials_version: self.credentials_version,
            session_expires_at: session.map(|session| session.expires_at),
        }
    }

    /// Whether legacy tokens of `user` open this account: it is the one that was moved, is active,
    /// and has never changed its password here, which would end earlier tokens.
    pub fn accepts_legacy_tokens(&self, user: &UserId) -> bool {
        accepts_legacy_tokens((&self.id, self.status, self.credentials_version), user)
    }

    /// The session that a token of `user` names, if it is alive.
    pub fn live_session(
        &self,
        user: &UserId,
        session: &SessionId,
        now: Timestamp,
    ) -> Option<&Session> {
        let is_alive = self.state_of(Some(session)).is_alive(user, now);
        self.sessions.get(session).filter(|_| is_alive)
    }
}

/// `account` is its identifier, status and credentials version.
pub(crate) fn accepts_legacy_tokens(
    account: (&UserId, AccountStatus, u64),
    moved: &UserId,
) -> bool {
    account == (moved, AccountStatus::Active, 0)
}
