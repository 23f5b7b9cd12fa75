//! A store that does not answer, and an AWS that is not there.

use latchkey_session::{
    AccountChange, AccountChangeOutcome, AddUser, AddUserOutcome, EndedSessions, LegacyUser,
    PasswordChange, ReadUser, RemoveUser, RotateSessionOutcome, Rotation, SessionEnd, SessionStart,
    SessionState, StoreError, UpdateUser, User, Username,
};
use latchkey_store::Aws;
use latchkey_token::{OperationId, SessionId};

/// What the cause says; no client may ever see it.
pub const CAUSE: &str = "the-network-of-table-users-is-down";

/// An AWS at whose address nothing listens.
pub fn aws() -> Aws {
    Aws::emulator("http://127.0.0.1:1")
}

/// Every call of it fails.
#[derive(Clone, Copy, Debug)]
pub struct AwayUsers;

fn away() -> StoreError {
    StoreError::Unavailable(CAUSE.into())
}

impl AddUser for AwayUsers {
    async fn add_user(&self, _: &User, _: &OperationId) -> Result<AddUserOutcome, StoreError> {
        Err(away())
    }
}

impl ReadUser for AwayUsers {
    async fn find_user(&self, _: &Username) -> Result<Option<User>, StoreError> {
        Err(away())
    }

    async fn find_session(
        &self,
        _: &Username,
        _: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        Err(away())
    }

    async fn find_legacy_user(&self, _: &str) -> Result<Option<LegacyUser>, StoreError> {
        Err(away())
    }
}

impl UpdateUser for AwayUsers {
    async fn start_session(
        &self,
        _: &SessionStart<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(away())
    }

    async fn rotate_session(
        &self,
        _: &Username,
        _: &Rotation,
    ) -> Result<RotateSessionOutcome, StoreError> {
        Err(away())
    }

    async fn end_session(&self, _: &SessionEnd<'_>) -> Result<(), StoreError> {
        Err(away())
    }

    async fn end_sessions(
        &self,
        _: &AccountChange<'_>,
        _: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(away())
    }

    async fn change_password(
        &self,
        _: &PasswordChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(away())
    }
}

impl RemoveUser for AwayUsers {
    async fn remove_user(&self, _: &AccountChange<'_>) -> Result<AccountChangeOutcome, StoreError> {
        Err(away())
    }
}
