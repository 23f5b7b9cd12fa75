//! A store that does not answer.

use auth_session::{SessionState, User, Username};
use auth_store::{
    AddUser, AddUserOutcome, FindSession, FindUser, SessionStart, StartSession,
    StartSessionOutcome, StoreError,
};
use auth_token::{OperationId, SessionId};

/// What the cause says; no client may ever see it.
pub const CAUSE: &str = "the-network-of-table-users-is-down";

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

impl FindUser for AwayUsers {
    async fn find_user(&self, _: &Username) -> Result<Option<User>, StoreError> {
        Err(away())
    }
}

impl FindSession for AwayUsers {
    async fn find_session(
        &self,
        _: &Username,
        _: &SessionId,
    ) -> Result<Option<SessionState>, StoreError> {
        Err(away())
    }
}

impl StartSession for AwayUsers {
    async fn start_session(&self, _: &SessionStart<'_>) -> Result<StartSessionOutcome, StoreError> {
        Err(away())
    }
}
