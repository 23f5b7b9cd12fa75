//! A user store that changes between the reads and the write of a request.

use latchkey_session::{
    Account, AccountChange, AccountChangeOutcome, AccountWrite, ChangeAccount, EndedSessions,
    LegacyUser, PasswordChange, ReadUser, RemoveUser, RotateSessionOutcome, Rotation, SessionEnd,
    SessionStart, SessionState, StoreError, UpdateUser, User, Username,
};
use latchkey_store::MemoryUsers;
use latchkey_token::SessionId;

/// The target of writes, which may change before each write.
pub trait BeforeWrite: Sync {
    /// The store that receives the next write.
    fn users(&self) -> impl Future<Output = Result<MemoryUsers, StoreError>> + Send;
}

impl BeforeWrite for MemoryUsers {
    async fn users(&self) -> Result<MemoryUsers, StoreError> {
        Ok(self.clone())
    }
}

/// A user store that reads from one store and writes to another.
#[derive(Clone, Debug)]
pub struct StaleReads<W = MemoryUsers> {
    /// The store for reads.
    pub read: MemoryUsers,
    /// The target of writes.
    pub write: W,
}

impl<W: BeforeWrite> ReadUser for StaleReads<W> {
    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        self.read.find_user(username).await
    }

    async fn find_session(
        &self,
        username: &Username,
        session: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        self.read.find_session(username, session).await
    }

    async fn find_legacy_user(&self, identity: &str) -> Result<Option<LegacyUser>, StoreError> {
        self.read.find_legacy_user(identity).await
    }
}

impl<W: BeforeWrite> UpdateUser for StaleReads<W> {
    async fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        self.write.users().await?.start_session(start).await
    }

    async fn rotate_session(
        &self,
        username: &Username,
        rotation: &Rotation,
    ) -> Result<RotateSessionOutcome, StoreError> {
        self.write.users().await?.rotate_session(username, rotation).await
    }

    async fn end_session(&self, end: &SessionEnd<'_>) -> Result<(), StoreError> {
        self.write.users().await?.end_session(end).await
    }

    async fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        self.write.users().await?.end_sessions(change, ended).await
    }

    async fn change_password(
        &self,
        change: &PasswordChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        self.write.users().await?.change_password(change).await
    }
}

impl<W: BeforeWrite> ChangeAccount for StaleReads<W> {
    async fn find_account(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        self.read.find_account(username).await
    }

    async fn write_account(
        &self,
        write: &AccountWrite<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        self.write.users().await?.write_account(write).await
    }
}

impl<W: BeforeWrite> RemoveUser for StaleReads<W> {
    async fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        self.write.users().await?.remove_user(change).await
    }
}
