//! Access to the users table: one trait per IAM action.

use std::{convert::Infallible, future::Future};

use latchkey_token::{OperationId, SessionId, UserId};
use secrecy::SecretString;

use crate::{Rotation, SessionState, StartedSession, StoreError, User, Username};

/// The outcome of a sign-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddUserOutcome {
    /// This call added the user, or an earlier attempt of it whose reply was lost.
    Added,
    /// Another user has the name. Nothing was written.
    NameTaken,
}

/// Adds users: `dynamodb:PutItem` on the users table.
pub trait AddUser {
    /// Adds a user unless the name is taken. `operation` identifies this write, so that a retry is
    /// not taken for a second sign-up.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the user may have been added or not.
    fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> impl Future<Output = Result<AddUserOutcome, StoreError>> + Send;
}

/// A row of the legacy table: the account that the migration created for an identity of the old
/// service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyUser {
    /// The id of the migrated account.
    pub id: UserId,
    /// The user name of the migrated account.
    pub username: Username,
}

/// Reads users: `dynamodb:GetItem` on the users table, and on the legacy table if there is one.
pub trait ReadUser {
    /// Reads the complete user by name, consistently; `None` if there is no such user.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_user(
        &self,
        username: &Username,
    ) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// Reads the state of the account and of `session`, consistently; `None` if there is no such
    /// user.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_session(
        &self,
        username: &Username,
        session: Option<&SessionId>,
    ) -> impl Future<Output = Result<Option<SessionState>, StoreError>> + Send;

    /// Reads the migrated account of a legacy identity, consistently. Identities are compared byte
    /// for byte. `None` if the identity was not migrated or there is no legacy table.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_legacy_user(
        &self,
        identity: &str,
    ) -> impl Future<Output = Result<Option<LegacyUser>, StoreError>> + Send;
}

/// A new session, on condition that the credentials of the user are still those that were read.
#[derive(Debug)]
pub struct SessionStart<'a> {
    /// The user as read when the password was verified.
    pub user: &'a User,
    /// The new session, and the sessions to remove.
    pub started: &'a StartedSession,
    /// A stronger hash of the same password that replaces the stored one; `None` keeps it.
    pub password_hash: Option<&'a SecretString>,
}

/// The outcome of a rotation.
#[derive(Debug)]
pub enum RotateSessionOutcome {
    /// This call wrote the next generation, or an earlier attempt of it whose reply was lost.
    /// Carries the user after the write.
    Rotated(Box<User>),
    /// Nothing was written: the session is not alive, or the token is not its newest. Carries the
    /// current user; `None` if it was deleted.
    Refused(Option<Box<User>>),
}

/// A session to end.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd<'a> {
    /// The user name in the token: the key of the user's item.
    pub username: &'a Username,
    /// The owner of the session. If another user has the name now, nothing changes.
    pub user: &'a UserId,
    /// The id of the session to end.
    pub session: &'a SessionId,
}

/// A change of an account, requested in a session.
#[derive(Clone, Copy, Debug)]
pub struct AccountChange<'a> {
    /// The user as read before the change.
    pub user: &'a User,
    /// The requesting session, which must still exist; `None` for a legacy token.
    pub session: Option<&'a SessionId>,
    /// The id of this write, which recognises it after a lost reply.
    pub operation: &'a OperationId,
}

/// The outcome of a conditional change.
#[derive(Debug)]
pub enum AccountChangeOutcome {
    /// This call made the change, or an earlier attempt of it whose reply was lost.
    Made,
    /// Nothing was written: the user has changed since it was read. Carries the current user;
    /// `None` if it was deleted.
    Changed(Option<Box<User>>),
}

/// Which sessions of a user to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// All sessions.
    All,
    /// All sessions but the requesting one.
    Others,
}

/// A new password, and the session that replaces all others.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The user as read before the change.
    pub user: &'a User,
    /// The requesting session, which must still exist; `None` for a legacy token.
    pub session: Option<&'a SessionId>,
    /// The new session. Its operation id identifies this write.
    pub started: &'a StartedSession,
    /// The hash of the new password, as a PHC string.
    pub password_hash: &'a SecretString,
}

/// Changes users: `dynamodb:UpdateItem` on the users table.
pub trait UpdateUser {
    /// Adds a session and removes the sessions that it replaces, in one write, on condition that
    /// the account is active and the credentials are those that were read.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the session may have been added or not.
    fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;

    /// Moves a session to its next generation, on condition that it is alive and the presented
    /// token is its newest. One write returns the outcome and the user; no further read is needed.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the session may have been rotated or not.
    fn rotate_session(
        &self,
        username: &Username,
        rotation: &Rotation,
    ) -> impl Future<Output = Result<RotateSessionOutcome, StoreError>> + Send;

    /// Ends a session. A session that has already ended or never existed is not an error.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the session may have been ended or not.
    fn end_session(
        &self,
        end: &SessionEnd<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the sessions of a user, including those that started since the user was read. A kept
    /// session must be unchanged since then, so that the write undoes no rotation.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the sessions may have been ended or not.
    fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;

    /// Replaces the password hash, replaces all sessions by a new one and increments the
    /// credentials version, in one write, on condition that the account is active, the credentials
    /// are those that were read and the requesting session still exists.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the change may have been made or not.
    fn change_password(
        &self,
        change: &PasswordChange<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;
}

/// Removes users: `dynamodb:DeleteItem` on the users table.
pub trait RemoveUser {
    /// Removes the account and its sessions, on condition that the credentials are those that were
    /// read and the requesting session still exists. An account that is gone, or whose name belongs
    /// to another user now, counts as removed.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the account may have been removed or not.
    fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;
}

/// No store: the type parameter of a guard that looks up nothing.
impl ReadUser for Infallible {
    async fn find_user(&self, _: &Username) -> Result<Option<User>, StoreError> {
        match *self {}
    }

    async fn find_session(
        &self,
        _: &Username,
        _: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        match *self {}
    }

    async fn find_legacy_user(&self, _: &str) -> Result<Option<LegacyUser>, StoreError> {
        match *self {}
    }
}
