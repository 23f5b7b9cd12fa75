//! What can be asked of the users table: one trait for each kind of access that a policy grants.

use std::{convert::Infallible, future::Future};

use latchkey_token::{OperationId, SessionId, UserId};
use secrecy::SecretString;

use crate::{Rotation, SessionState, StartedSession, StoreError, User, Username};

/// The outcome of a sign-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddUserOutcome {
    /// The user was added, by this call or by an earlier delivery of it whose reply was lost.
    Added,
    /// Another user has the name.
    NameTaken,
}

/// Adds users: `dynamodb:PutItem` on the users table.
pub trait AddUser {
    /// Adds a user unless the name is taken. `operation` identifies this write.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the user may then have been added or not.
    fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> impl Future<Output = Result<AddUserOutcome, StoreError>> + Send;
}

/// The account of a user of an old service, as the migration wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyUser {
    /// The account's identifier.
    pub id: UserId,
    /// The account's name.
    pub username: Username,
}

/// Reads users: `dynamodb:GetItem` on the users table, and on the legacy table where there is one.
pub trait ReadUser {
    /// The user of that name with everything that belongs to it, read consistently.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_user(
        &self,
        username: &Username,
    ) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// The state of the account and of `session`, read consistently; `None` if there is no such
    /// user.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_session(
        &self,
        username: &Username,
        session: Option<&SessionId>,
    ) -> impl Future<Output = Result<Option<SessionState>, StoreError>> + Send;

    /// The account of an old service's user, read consistently. The identity is compared byte for
    /// byte. `None` for users who were not moved, and where there is no such table.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_legacy_user(
        &self,
        identity: &str,
    ) -> impl Future<Output = Result<Option<LegacyUser>, StoreError>> + Send;
}

/// A new session, on condition that the user is as it was when the password was verified.
#[derive(Debug)]
pub struct SessionStart<'a> {
    /// The user as it was read.
    pub user: &'a User,
    /// The new session, and the sessions that it replaces.
    pub started: &'a StartedSession,
    /// A stronger hash of the same password, to replace the stored one.
    pub password_hash: Option<&'a SecretString>,
}

/// The outcome of a rotation.
#[derive(Debug)]
pub enum RotateSessionOutcome {
    /// The session has the next generation, written by this call or by an earlier delivery of it
    /// whose reply was lost. The user after the write.
    Rotated(Box<User>),
    /// Nothing was written: the session is not alive, or the token is not its newest. The user as
    /// it is (`None`: deleted).
    Refused(Option<Box<User>>),
}

/// A session to end.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd<'a> {
    /// The user name.
    pub username: &'a Username,
    /// The owner of the session. Another user who has the name now is not changed.
    pub user: &'a UserId,
    /// The session id.
    pub session: &'a SessionId,
}

/// A change of the account, requested in a session.
#[derive(Clone, Copy, Debug)]
pub struct AccountChange<'a> {
    /// The user as it was read.
    pub user: &'a User,
    /// The requesting session, which must still exist; `None` for a legacy token.
    pub session: Option<&'a SessionId>,
    /// Identifies this write.
    pub operation: &'a OperationId,
}

/// The outcome of a conditional change.
#[derive(Debug)]
pub enum AccountChangeOutcome {
    /// Made, by this call or by an earlier delivery of it whose reply was lost.
    Made,
    /// Nothing was written: the user has changed since it was read. The user as it is (`None`:
    /// deleted).
    Changed(Option<Box<User>>),
}

/// Which of a user's sessions are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// All of them.
    All,
    /// All but the requesting one.
    Others,
}

/// A new password, and the session that replaces all others.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The user as it was read.
    pub user: &'a User,
    /// The requesting session, which must still exist; `None` for a legacy token.
    pub session: Option<&'a SessionId>,
    /// The new session. Its operation identifies this write.
    pub started: &'a StartedSession,
    /// The new password's hash.
    pub password_hash: &'a SecretString,
}

/// Changes users: `dynamodb:UpdateItem` on the users table.
pub trait UpdateUser {
    /// Adds a session and removes those that make room for it, in one write, on condition that the
    /// account is active and the credentials are those that were read.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the session may then have been added or not.
    fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;

    /// Moves a session to its next generation, on condition that it is alive and the presented
    /// token is its newest. One write tells everything: no read comes before it or after it.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the session may then have been rotated or not.
    fn rotate_session(
        &self,
        username: &Username,
        rotation: &Rotation,
    ) -> impl Future<Output = Result<RotateSessionOutcome, StoreError>> + Send;

    /// Ends a session. One that has ended before, or never was, is no error.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the session may then have been ended or not.
    fn end_session(
        &self,
        end: &SessionEnd<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends a user's sessions, those that were started since the user was read included. A
    /// session that is kept must be as it was read, so that no rotation of it is undone.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the sessions may then have been ended or not.
    fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;

    /// Replaces the password's hash and all sessions by a new one, and counts the credentials
    /// version, in one write, on condition that the account is active, the credentials are those
    /// that were read and the session that asks is still there.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the change may then have been made or not.
    fn change_password(
        &self,
        change: &PasswordChange<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;
}

/// Removes users: `dynamodb:DeleteItem` on the users table.
pub trait RemoveUser {
    /// Removes the account and its sessions, on condition that the credentials are those that were
    /// read and that the session that asks is still there. An account that is gone, or is another
    /// one by now, counts as removed.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the account may then have been removed or not.
    fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;
}

/// No store: the type of the users of a guard that looks nothing up.
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
