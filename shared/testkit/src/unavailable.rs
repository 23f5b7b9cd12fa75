//! An unavailable user store and an unreachable AWS endpoint.

use latchkey_session::{
    Account, AccountChange, AccountChangeOutcome, AccountWrite, AddUser, AddUserOutcome,
    ChangeAccount, EndedSessions, LegacyUser, PasswordChange, ReadUser, RemoveUser,
    RotateSessionOutcome, Rotation, SessionEnd, SessionStart, SessionState, StoreError, UpdateUser,
    User, Username,
};
use latchkey_store::Aws;
use latchkey_token::{OperationId, SessionId};

/// The cause of each failure. Responses must not show it.
pub const CAUSE: &str = "the-network-of-table-users-is-down";

/// A connection to an endpoint that refuses connections.
pub fn aws() -> Aws {
    Aws::emulator("http://127.0.0.1:1")
}

/// A user store whose every call fails.
#[derive(Clone, Copy, Debug)]
pub struct UnavailableUsers;

fn unavailable() -> StoreError {
    StoreError::Unavailable(CAUSE.into())
}

impl AddUser for UnavailableUsers {
    async fn add_user(&self, _: &User, _: &OperationId) -> Result<AddUserOutcome, StoreError> {
        Err(unavailable())
    }
}

impl ChangeAccount for UnavailableUsers {
    async fn find_account(&self, _: &Username) -> Result<Option<Account>, StoreError> {
        Err(unavailable())
    }

    async fn write_account(
        &self,
        _: &AccountWrite<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(unavailable())
    }
}

impl ReadUser for UnavailableUsers {
    async fn find_user(&self, _: &Username) -> Result<Option<User>, StoreError> {
        Err(unavailable())
    }

    async fn find_session(
        &self,
        _: &Username,
        _: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        Err(unavailable())
    }

    async fn find_legacy_user(&self, _: &str) -> Result<Option<LegacyUser>, StoreError> {
        Err(unavailable())
    }
}

impl UpdateUser for UnavailableUsers {
    async fn start_session(
        &self,
        _: &SessionStart<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(unavailable())
    }

    async fn rotate_session(
        &self,
        _: &Username,
        _: &Rotation,
    ) -> Result<RotateSessionOutcome, StoreError> {
        Err(unavailable())
    }

    async fn end_session(&self, _: &SessionEnd<'_>) -> Result<(), StoreError> {
        Err(unavailable())
    }

    async fn end_sessions(
        &self,
        _: &AccountChange<'_>,
        _: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(unavailable())
    }

    async fn change_password(
        &self,
        _: &PasswordChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Err(unavailable())
    }
}

impl RemoveUser for UnavailableUsers {
    async fn remove_user(&self, _: &AccountChange<'_>) -> Result<AccountChangeOutcome, StoreError> {
        Err(unavailable())
    }
}
