//! Accounts.

use latchkey_token::{AdditionalClaims, SessionId, Timestamp, UserId};
use secrecy::SecretString;

use crate::{Email, OneTimeCodes, Session, SessionState, Sessions, Username};

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// The account may be used.
    Active,
    /// An operator has disabled the account: its tokens and its password are refused.
    Disabled,
}

/// An account with its sessions: one item of the users table.
#[derive(Clone, Debug)]
pub struct User {
    /// The immutable id: `sub` of the tokens. A user name can pass to another person, an id cannot.
    pub id: UserId,
    /// The name that the user logs in with: the key of the item.
    pub username: Username,
    /// The e-mail address, not verified; `None` if the user gave none.
    pub email: Option<Email>,
    /// The Argon2 hash of the password, as a PHC string; `None` until the user has set one.
    pub password_hash: Option<SecretString>,
    /// Roles of the user, defined by the application: `roles` of access tokens.
    pub roles: Vec<String>,
    /// Application claims of the user's access tokens.
    pub claims: AdditionalClaims,
    /// Whether the account may be used.
    pub status: AccountStatus,
    /// Why an operator disabled the account.
    pub disabled_reason: Option<String>,
    /// The one-time codes that set a password.
    pub codes: OneTimeCodes,
    /// The backup that the account was restored from.
    pub restored_from: Option<String>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// Number of changes of password and status. A login that read an older version is refused.
    pub credentials_version: u64,
    /// The sessions, including expired ones that are not removed yet.
    pub sessions: Sessions,
}

impl User {
    /// A new account without a password, roles or sessions.
    pub fn new(
        id: UserId,
        username: Username,
        email: Option<Email>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            username,
            email,
            password_hash: None,
            roles: Vec::new(),
            claims: AdditionalClaims::default(),
            status: AccountStatus::Active,
            disabled_reason: None,
            codes: OneTimeCodes::default(),
            restored_from: None,
            created_at,
            credentials_version: 0,
            sessions: Sessions::new(),
        }
    }

    /// The state of the account and of `session`; `None` asks for the account only.
    pub fn state_of(&self, session: Option<&SessionId>) -> SessionState {
        let session = session.and_then(|id| self.sessions.get(id));
        SessionState {
            user: self.id.clone(),
            status: self.status,
            credentials_version: self.credentials_version,
            session_expires_at: session.map(|session| session.expires_at),
        }
    }

    /// Whether this account accepts legacy tokens of the migrated account `user`: same id, active,
    /// and a password that was never changed in Latchkey. A change ends earlier tokens.
    pub fn accepts_legacy_tokens(&self, user: &UserId) -> bool {
        accepts_legacy_tokens((&self.id, self.status, self.credentials_version), user)
    }

    /// The session that a token of `user` names; `None` unless it is alive.
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

/// `account` is id, status and credentials version.
pub(crate) fn accepts_legacy_tokens(
    account: (&UserId, AccountStatus, u64),
    moved: &UserId,
) -> bool {
    account == (moved, AccountStatus::Active, 0)
}
