//! Adding and finding users: a trait a capability.

use std::future::Future;

use latchkey_session::{User, Username};
use latchkey_token::{OperationId, UserId};

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

/// The account that a user of an old service has here, as the migration wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyUser {
    /// The account's identifier.
    pub id: UserId,
    /// The account's name.
    pub username: Username,
}

/// `dynamodb:GetItem` on the legacy table.
pub trait FindLegacyUser {
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
