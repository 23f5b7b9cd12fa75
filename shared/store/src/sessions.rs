//! What can be done with a user's sessions, and with what belongs to them: a trait a capability.

use std::future::Future;

use latchkey_session::{Rotation, SessionState, StartedSession, User, Username};
use latchkey_token::{OperationId, SessionId, UserId};
use secrecy::SecretString;

use crate::StoreError;

/// `dynamodb:GetItem` on the users table.
pub trait FindSession {
    /// What a token of the session has to be held against, read consistently; `None` when there
    /// is no such user.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_session(
        &self,
        username: &Username,
        session: &SessionId,
    ) -> impl Future<Output = Result<Option<SessionState>, StoreError>> + Send;
}

/// A session to be added, on condition that the user is still the one who proved the password.
#[derive(Debug)]
pub struct SessionStart<'a> {
    /// The name whose item is changed.
    pub username: &'a Username,
    /// The user who was read.
    pub user: &'a UserId,
    /// The credentials version that was read.
    pub credentials_version: u64,
    /// The new session and those that make room for it.
    pub started: &'a StartedSession,
    /// A stronger hash of the same password, to replace the stored one.
    pub password_hash: Option<&'a SecretString>,
}

/// What became of a new session.
#[derive(Debug)]
pub enum StartSessionOutcome {
    /// The session lives, by this call or by an earlier delivery of it whose reply was lost.
    Started,
    /// Nothing was written: the account is disabled, or the credentials are no longer those that
    /// were read. The item is now as given (`None`: gone).
    Changed(Option<Box<User>>),
}

/// `dynamodb:UpdateItem` on the users table.
pub trait StartSession {
    /// Adds a session and removes those that make room for it, in one write, on condition that the
    /// account is active and the credentials are those that were read.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the session may then have been added or not.
    fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> impl Future<Output = Result<StartSessionOutcome, StoreError>> + Send;
}

/// What became of a rotation.
#[derive(Debug)]
pub enum RotateSessionOutcome {
    /// The session is one generation on, by this call or by an earlier delivery of it whose reply
    /// was lost. The item is now as given.
    Rotated(Box<User>),
    /// Nothing was written: the session is not alive, or the token is not its newest. The item is
    /// as given (`None`: gone).
    Refused(Option<Box<User>>),
}

/// `dynamodb:UpdateItem` on the users table.
pub trait RotateSession {
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
}

/// A session to be ended.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd<'a> {
    /// The name whose item is changed.
    pub username: &'a Username,
    /// The user whom the session belongs to; another one who has the name now is left alone.
    pub user: &'a UserId,
    /// The session.
    pub session: &'a SessionId,
}

/// `dynamodb:UpdateItem` on the users table.
pub trait EndSession {
    /// Ends a session. One that has ended before, or never was, is no error.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the session may then have been ended or not.
    fn end_session(
        &self,
        end: &SessionEnd<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Who asks for a change of the account.
#[derive(Clone, Copy, Debug)]
pub struct AccountChange<'a> {
    /// The user as it was read.
    pub user: &'a User,
    /// The session that asks, which must still be there; `None` for a legacy token, which has none.
    pub session: Option<&'a SessionId>,
    /// Names this write.
    pub operation: &'a OperationId,
}

/// What became of a change of the account.
#[derive(Debug)]
pub enum AccountChangeOutcome {
    /// It was made, by this call or by an earlier delivery of it whose reply was lost.
    Made,
    /// Nothing was written: what was read has changed meanwhile, and is now as given (`None`:
    /// gone).
    Changed(Option<Box<User>>),
}

/// Which of a user's sessions are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSessions {
    /// Every one.
    All,
    /// Every one but that which asks.
    Others,
}

/// `dynamodb:UpdateItem` on the users table.
pub trait EndSessions {
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
}

/// A new password, and the session that replaces all others.
#[derive(Clone, Copy, Debug)]
pub struct PasswordChange<'a> {
    /// The user as it was read.
    pub user: &'a User,
    /// The session that asks, which must still be there; `None` for a legacy token, which has none.
    pub session: Option<&'a SessionId>,
    /// The new session. Its operation names this write.
    pub started: &'a StartedSession,
    /// The new password's hash.
    pub password_hash: &'a SecretString,
}

/// `dynamodb:UpdateItem` on the users table.
pub trait ChangePassword {
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

/// `dynamodb:DeleteItem` on the users table.
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
