//! Work items: the data of the sample back end.

use std::future::Future;

use latchkey_token::{Timestamp, UserId};

use latchkey_session::StoreError;

/// A task of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The item's id, unique among the items of its user.
    pub id: String,
    /// The user's description of the task.
    pub title: String,
    /// The time of the addition.
    pub created_at: Timestamp,
}

/// A page of a user's items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkItemPage {
    /// The items, oldest first.
    pub items: Vec<WorkItem>,
    /// The id after which the next page begins; `None` on the last page.
    pub next: Option<String>,
}

/// Lists and removes work items: `dynamodb:Query` and `DeleteItem` on their table.
pub trait WorkItemTable {
    /// At most `limit` of the user's items, with ids greater than `after`.
    ///
    /// # Errors
    /// Every variant of [`StoreError`].
    fn list_work_items(
        &self,
        user: &UserId,
        after: Option<&str>,
        limit: u8,
    ) -> impl Future<Output = Result<WorkItemPage, StoreError>> + Send;

    /// Removes the user's item with this id, if it exists.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    fn remove_work_item(
        &self,
        user: &UserId,
        id: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Adds work items: `dynamodb:PutItem` on their table.
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

impl WorkItemPage {
    /// A page of at most `limit` items from `items`, which are ordered by id and have one more than
    /// the limit if there is a next page.
    pub(crate) fn new(mut items: Vec<WorkItem>, limit: u8) -> Self {
        let limit = usize::from(limit);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(|item| item.id.clone());
        // By id within a second, so that the order is stable.
        items.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Self { items, next }
    }
}
