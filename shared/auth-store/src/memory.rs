//! The stores in memory, for tests. They keep every promise that the DynamoDB ones keep.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth_session::{SessionState, User, Username};
use auth_token::{OperationId, SessionId, UserId};

use crate::{
    AddUser, AddUserOutcome, AddWorkItem, FindSession, FindUser, ListWorkItems, RemoveWorkItem,
    SessionStart, StartSession, StartSessionOutcome, StoreError, WorkItem,
    work_items::{MAX_LISTED, oldest_first},
};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct StoredUser {
    user: User,
    operation: OperationId,
}

/// Users in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryUsers(Arc<Mutex<HashMap<String, StoredUser>>>);

impl AddUser for MemoryUsers {
    async fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> Result<AddUserOutcome, StoreError> {
        let mut users = lock(&self.0);
        match users.get(user.username.folded()) {
            Some(stored) if stored.operation == *operation => Ok(AddUserOutcome::Added),
            Some(_) => Ok(AddUserOutcome::NameTaken),
            None => {
                let stored = StoredUser { user: user.clone(), operation: operation.clone() };
                users.insert(user.username.folded().to_owned(), stored);
                Ok(AddUserOutcome::Added)
            }
        }
    }
}

impl FindUser for MemoryUsers {
    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        Ok(lock(&self.0).get(username.folded()).map(|stored| stored.user.clone()))
    }
}

impl FindSession for MemoryUsers {
    async fn find_session(
        &self,
        username: &Username,
        session: &SessionId,
    ) -> Result<Option<SessionState>, StoreError> {
        Ok(lock(&self.0).get(username.folded()).map(|stored| SessionState {
            user: stored.user.id.clone(),
            status: stored.user.status,
            session_expires_at: stored.user.sessions.get(session).map(|found| found.expires_at),
        }))
    }
}

impl StartSession for MemoryUsers {
    async fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> Result<StartSessionOutcome, StoreError> {
        let mut users = lock(&self.0);
        let Some(StoredUser { user, .. }) = users.get_mut(start.username.folded()) else {
            return Ok(StartSessionOutcome::Changed(None));
        };
        let started = start.started;
        if user.sessions.get(&started.id).is_some_and(|own| *own == started.session) {
            return Ok(StartSessionOutcome::Started);
        }
        let is_as_read = user.id == *start.user
            && user.credentials_version == start.credentials_version
            && user.sessions.len() <= started.room_for
            && started.ended.iter().all(|id| user.sessions.contains_key(id));
        if !is_as_read {
            return Ok(StartSessionOutcome::Changed(Some(Box::new(user.clone()))));
        }
        user.sessions.retain(|id, _| !started.ended.contains(id));
        user.sessions.insert(started.id.clone(), started.session.clone());
        if let Some(hash) = start.password_hash {
            user.password_hash = hash.clone();
        }
        Ok(StartSessionOutcome::Started)
    }
}

/// Work items in memory. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorkItems(Arc<Mutex<HashMap<UserId, BTreeMap<String, WorkItem>>>>);

impl ListWorkItems for MemoryWorkItems {
    async fn list_work_items(&self, user: &UserId) -> Result<Vec<WorkItem>, StoreError> {
        let items = lock(&self.0);
        let mut listed: Vec<_> = items
            .get(user)
            .into_iter()
            .flat_map(BTreeMap::values)
            .take(MAX_LISTED)
            .cloned()
            .collect();
        oldest_first(&mut listed);
        Ok(listed)
    }
}

impl AddWorkItem for MemoryWorkItems {
    async fn add_work_item(&self, user: &UserId, item: &WorkItem) -> Result<(), StoreError> {
        lock(&self.0).entry(user.clone()).or_default().insert(item.id.clone(), item.clone());
        Ok(())
    }
}

impl RemoveWorkItem for MemoryWorkItems {
    async fn remove_work_item(&self, user: &UserId, id: &str) -> Result<(), StoreError> {
        if let Some(items) = lock(&self.0).get_mut(user) {
            items.remove(id);
        }
        Ok(())
    }
}
