//! Accounts as operators and one-time codes read and change them.

use std::future::Future;

use latchkey_token::OperationId;

use crate::{AccountChangeOutcome, StoreError, User, Username};

/// A user and the operation that wrote the account last. Sessions start and rotate without it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The last write of the account; `None` if a migration wrote none.
    pub operation: Option<OperationId>,
    /// Attributes that are there but unreadable: `roles`, `claims`. The user has none of them.
    pub unreadable: Vec<&'static str>,
}

/// A change of an account, on condition that the account is as it was read.
#[derive(Clone, Copy, Debug)]
pub struct AccountWrite<'a> {
    /// The account as read.
    pub read: &'a Account,
    /// The user after the change. The sessions in it do not count.
    pub new: &'a User,
    /// The id of this write.
    pub operation: &'a OperationId,
}

impl AccountWrite<'_> {
    /// Whether the write ends all sessions, also those that started since the account was read: it
    /// does when the credentials version changes.
    pub const fn ends_sessions(&self) -> bool {
        self.new.credentials_version != self.read.user.credentials_version
    }
}

/// Reads and changes accounts: `dynamodb:GetItem` and `dynamodb:UpdateItem` on the users table.
pub trait ChangeAccount {
    /// Reads an account by name, consistently; `None` if there is no such user.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn find_account(
        &self,
        username: &Username,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// Writes the attributes that differ, in one conditional write.
    ///
    /// # Errors
    /// Every variant of [`StoreError`]; the change may have been made or not.
    fn write_account(
        &self,
        write: &AccountWrite<'_>,
    ) -> impl Future<Output = Result<AccountChangeOutcome, StoreError>> + Send;
}

/// Some users of the table.
#[derive(Clone, Debug, Default)]
pub struct UserPage {
    /// The users, in no particular order.
    pub users: Vec<User>,
    /// The keys of users whose items are unreadable.
    pub unreadable: Vec<String>,
    /// The key after which the next page begins; `None` on the last page.
    pub next: Option<String>,
}

/// Lists users: `dynamodb:Scan` on the users table.
pub trait ListUsers {
    /// At most `limit` users after the key `after`, consistently.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn list_users(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<UserPage, StoreError>> + Send;
}

/// Reads a restored copy of the users table: `dynamodb:Scan` on it.
pub trait ReadBackup {
    /// As [`ListUsers::list_users`], of the table `backup`; `None` if there is no such table.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn list_backup(
        &self,
        backup: &str,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Option<UserPage>, StoreError>> + Send;
}
