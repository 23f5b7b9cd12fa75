//! The sample's data: things that a user has to do.

use std::future::Future;

use latchkey_token::{Timestamp, UserId};

use latchkey_session::StoreError;

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

/// Some of a user's items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkItemPage {
    /// The items, oldest first.
    pub items: Vec<WorkItem>,
    /// After which item the next page begins, when there is one.
    pub next: Option<String>,
}

/// The work items table: `dynamodb:Query`, `PutItem` and `DeleteItem`.
pub trait WorkItemTable {
    /// `limit` of the user's items, those whose names follow `after`.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn list_work_items(
        &self,
        user: &UserId,
        after: Option<&str>,
        limit: u8,
    ) -> impl Future<Output = Result<WorkItemPage, StoreError>> + Send;

    /// Adds an item for the user. Adding the same item again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn add_work_item(
        &self,
        user: &UserId,
        item: &WorkItem,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

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

impl WorkItemPage {
    /// The page of `limit` items that begins with `items`, which are in the order of their names
    /// and one more than the limit if there are more.
    pub(crate) fn new(mut items: Vec<WorkItem>, limit: u8) -> Self {
        let limit = usize::from(limit);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|item| item.id.clone());
        // Items of one second by name, so that the order is the same each time.
        items.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Self { items, next }
    }
}
