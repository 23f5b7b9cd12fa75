//! What can be done with users and their sessions: a trait a capability.

use std::future::Future;

use auth_session::{SessionState, StartedSession, User, Username};
use auth_token::{OperationId, SessionId, UserId};
use secrecy::SecretString;

use crate::StoreError;

/// What became of a new user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddUserOutcome {
    /// The user was added, by this call or by an earlier delivery of it whose reply was lost.
    Added,
    /// Somebody else has the name.
    NameTaken,
}

/// `dynamodb:PutItem` on the users table.
pub trait AddUser {
    /// Adds a user unless the name is taken. `operation` names this write.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the user may then have been added or not.
    fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> impl Future<Output = Result<AddUserOutcome, StoreError>> + Send;
}

/// `dynamodb:GetItem` on the users table.
pub trait FindUser {
    /// The user of that name with everything that belongs to it, read consistently.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_user(
        &self,
        username: &Username,
    ) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;
}

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
    /// Nothing was written: the item is now as given (`None`: gone). Either the credentials are
    /// no longer those that were read, or other sessions have come or gone meanwhile.
    Changed(Option<Box<User>>),
}

/// `dynamodb:UpdateItem` on the users table.
pub trait StartSession {
    /// Adds a session and removes those that make room for it, in one write.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the session may then have been added or not.
    fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> impl Future<Output = Result<StartSessionOutcome, StoreError>> + Send;
}
