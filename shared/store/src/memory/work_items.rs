//! The in-memory store of work items.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use latchkey_session::StoreError;
use latchkey_token::UserId;

use super::lock;
use crate::{AddWorkItem, WorkItem, WorkItemPage, WorkItemTable};

/// An in-memory store of work items. Clones share the items.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorkItems(Arc<Mutex<HashMap<UserId, BTreeMap<String, WorkItem>>>>);

impl WorkItemTable for MemoryWorkItems {
    async fn list_work_items(
        &self,
        user: &UserId,
        after: Option<&str>,
        limit: u8,
    ) -> Result<WorkItemPage, StoreError> {
        let items = lock(&self.0);
        let owned = items.get(user).into_iter().flat_map(BTreeMap::values);
        let following = owned.filter(|item| after.is_none_or(|after| *item.id > *after));
        let items = following.take(usize::from(limit) + 1).cloned().collect();
        Ok(WorkItemPage::new(items, limit))
    }

    async fn remove_work_item(&self, user: &UserId, id: &str) -> Result<(), StoreError> {
        if let Some(items) = lock(&self.0).get_mut(user) {
            items.remove(id);
        }
        Ok(())
    }
}

impl AddWorkItem for MemoryWorkItems {
    async fn add_work_item(&self, user: &UserId, item: &WorkItem) -> Result<(), StoreError> {
        lock(&self.0).entry(user.clone()).or_default().insert(item.id.clone(), item.clone());
        Ok(())
    }
}
