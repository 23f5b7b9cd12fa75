//! The sample's data: things that a user has to do.

use std::future::Future;

use auth_token::{Timestamp, UserId};

use crate::StoreError;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The item's name among its user's.
    pub id: String,
    /// What is to be done.
    pub title: String,
    /// When it was added.
    pub created_at: Timestamp,
}

/// `dynamodb:Query` on the work items table.
pub trait ListWorkItems {
    /// The user's items, oldest first, 1,000 at most.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn list_work_items(
        &self,
        user: &UserId,
    ) -> impl Future<Output = Result<Vec<WorkItem>, StoreError>> + Send;
}

/// `dynamodb:PutItem` on the work items table.
pub trait AddWorkItem {
    /// Adds an item for the user. Adding the same item again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn add_work_item(
        &self,
        user: &UserId,
        item: &WorkItem,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// `dynamodb:DeleteItem` on the work items table.
pub trait RemoveWorkItem {
    /// Removes the user's item of that name, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn remove_work_item(
        &self,
        user: &UserId,
        id: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The most items that a listing returns.
pub(crate) const MAX_LISTED: usize = 1_000;

/// Orders a listing by age; items of one second by name, so that the order is the same each time.
pub(crate) fn oldest_first(items: &mut [WorkItem]) {
    items.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
}
