//! The in-memory user store.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use latchkey_session::{
    Account, AccountChange, AccountChangeOutcome, AccountStatus, AccountWrite, AddUser,
    AddUserOutcome, ChangeAccount, EndedSessions, LegacyUser, ListUsers, PasswordChange, ReadUser,
    RemoveUser, RotateSessionOutcome, Rotation, SessionEnd, SessionStart, SessionState, StoreError,
    UpdateUser, User, UserPage, Username,
};
use latchkey_token::{OperationId, SessionId};

use super::lock;

#[derive(Debug)]
struct StoredUser {
    user: User,
    operation: OperationId,
}

/// An in-memory user store. Clones share the users.
#[derive(Clone, Debug, Default)]
pub struct MemoryUsers {
    users: Arc<Mutex<HashMap<String, StoredUser>>>,
    legacy: Arc<Mutex<HashMap<String, LegacyUser>>>,
}

impl MemoryUsers {
    /// Maps an identity of a legacy service to an account.
    pub fn add_legacy_user(&self, identity: &str, user: LegacyUser) {
        lock(&self.legacy).insert(identity.to_owned(), user);
    }
}

impl AddUser for MemoryUsers {
    async fn add_user(
        &self,
        user: &User,
        operation: &OperationId,
    ) -> Result<AddUserOutcome, StoreError> {
        let mut users = lock(&self.users);
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

impl ReadUser for MemoryUsers {
    async fn find_user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        Ok(lock(&self.users).get(username.folded()).map(|stored| stored.user.clone()))
    }

    async fn find_session(
        &self,
        username: &Username,
        session: Option<&SessionId>,
    ) -> Result<Option<SessionState>, StoreError> {
        Ok(lock(&self.users).get(username.folded()).map(|stored| stored.user.state_of(session)))
    }

    async fn find_legacy_user(&self, identity: &str) -> Result<Option<LegacyUser>, StoreError> {
        Ok(lock(&self.legacy).get(identity).cloned())
    }
}

impl UpdateUser for MemoryUsers {
    async fn start_session(
        &self,
        start: &SessionStart<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let mut users = lock(&self.users);
        let Some(StoredUser { user, .. }) = users.get_mut(start.user.username.folded()) else {
            return Ok(AccountChangeOutcome::Changed(None));
        };
        if start.started.is_in(&user.sessions) {
            return Ok(AccountChangeOutcome::Made);
        }
        let is_as_read = user.id == start.user.id
            && user.credentials_version == start.user.credentials_version
            && user.status == AccountStatus::Active;
        if !is_as_read {
            return Ok(AccountChangeOutcome::Changed(Some(Box::new(user.clone()))));
        }
        start.started.apply(&mut user.sessions);
        if let Some(hash) = start.password_hash {
            user.password_hash = Some(hash.clone());
        }
        Ok(AccountChangeOutcome::Made)
    }

    async fn rotate_session(
        &self,
        username: &Username,
        rotation: &Rotation,
    ) -> Result<RotateSessionOutcome, StoreError> {
        let mut users = lock(&self.users);
        let Some(StoredUser { user, .. }) = users.get_mut(username.folded()) else {
            return Ok(RotateSessionOutcome::Refused(None));
        };
        let live = user.live_session(&rotation.user, &rotation.session, rotation.rotated_at);
        let is_rotated = match live.cloned() {
            None => false,
            Some(session) if rotation.is_in(&session) => true,
            Some(mut session) => {
                let is_rotated = rotation.apply(&mut session);
                user.sessions.insert(rotation.session.clone(), session);
                is_rotated
            }
        };
        let user = Box::new(user.clone());
        Ok(if is_rotated {
            RotateSessionOutcome::Rotated(user)
        } else {
            RotateSessionOutcome::Refused(Some(user))
        })
    }

    async fn end_session(&self, end: &SessionEnd<'_>) -> Result<(), StoreError> {
        if let Some(StoredUser { user, .. }) = lock(&self.users).get_mut(end.username.folded())
            && user.id == *end.user
        {
            user.sessions.remove(end.session);
        }
        Ok(())
    }

    async fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let current = change.session.filter(|_| ended == EndedSessions::Others);
        Ok(self.change(change.user, change.operation, |user| {
            let is_allowed = match current {
                Some(current) => {
                    let operation = |user: &User| {
                        user.sessions.get(current).map(|session| session.operation.clone())
                    };
                    operation(user).is_some() && operation(user) == operation(change.user)
                }
                None => has_session(user, change.session),
            };
            if is_allowed {
                user.sessions.retain(|id, _| Some(id) == current);
            }
            is_allowed
        }))
    }

    async fn change_password(
        &self,
        change: &PasswordChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let PasswordChange { user: read, started, .. } = change;
        Ok(self.change(read, &started.session.operation, |user| {
            let is_allowed = user.credentials_version == read.credentials_version
                && user.status == AccountStatus::Active
                && has_session(user, change.session);
            if is_allowed {
                user.credentials_version += 1;
                user.password_hash = Some(change.password_hash.clone());
                user.sessions = [(started.id.clone(), started.session.clone())].into();
            }
            is_allowed
        }))
    }
}

impl RemoveUser for MemoryUsers {
    async fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let mut users = lock(&self.users);
        let name = change.user.username.folded();
        match users.get(name).map(|stored| &stored.user) {
            Some(user) if user.id == change.user.id => {
                let is_as_read = user.credentials_version == change.user.credentials_version
                    && has_session(user, change.session);
                if !is_as_read {
                    return Ok(AccountChangeOutcome::Changed(Some(Box::new(user.clone()))));
                }
                users.remove(name);
                Ok(AccountChangeOutcome::Made)
            }
            Some(_) | None => Ok(AccountChangeOutcome::Made),
        }
    }
}

impl ChangeAccount for MemoryUsers {
    async fn find_account(&self, username: &Username) -> Result<Option<Account>, StoreError> {
        let users = lock(&self.users);
        let account = |stored: &StoredUser| {
            let operation = Some(stored.operation.clone());
            Account { user: stored.user.clone(), operation, unreadable: Vec::new() }
        };
        Ok(users.get(username.folded()).map(account))
    }

    async fn write_account(
        &self,
        write: &AccountWrite<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let AccountWrite { read, new, operation } = write;
        let mut users = lock(&self.users);
        let Some(stored) = users.get_mut(read.user.username.folded()) else {
            return Ok(AccountChangeOutcome::Changed(None));
        };
        if stored.operation == **operation {
            return Ok(AccountChangeOutcome::Made);
        }
        if stored.user.id != read.user.id || Some(&stored.operation) != read.operation.as_ref() {
            return Ok(AccountChangeOutcome::Changed(Some(Box::new(stored.user.clone()))));
        }
        let sessions = std::mem::take(&mut stored.user.sessions);
        stored.user = (*new).clone();
        stored.user.sessions = if write.ends_sessions() { [].into() } else { sessions };
        stored.operation = (*operation).clone();
        Ok(AccountChangeOutcome::Made)
    }
}

impl ListUsers for MemoryUsers {
    async fn list_users(&self, after: Option<&str>, limit: u32) -> Result<UserPage, StoreError> {
        let users = lock(&self.users);
        let mut keys: Vec<_> =
            users.keys().filter(|key| after.is_none_or(|after| key.as_str() > after)).collect();
        keys.sort();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let next = (keys.len() > limit).then(|| keys.get(limit.saturating_sub(1)));
        let next = next.flatten().map(|key| (*key).clone());
        keys.truncate(limit);
        let found = keys.into_iter().filter_map(|key| users.get(key));
        let users = found.map(|stored| stored.user.clone()).collect();
        Ok(UserPage { users, unreadable: Vec::new(), next })
    }
}

impl MemoryUsers {
    /// Applies a change once. `apply` returns whether its condition holds.
    fn change(
        &self,
        read: &User,
        operation: &OperationId,
        apply: impl FnOnce(&mut User) -> bool,
    ) -> AccountChangeOutcome {
        let mut users = lock(&self.users);
        let Some(stored) = users.get_mut(read.username.folded()) else {
            return AccountChangeOutcome::Changed(None);
        };
        if stored.operation == *operation {
            return AccountChangeOutcome::Made;
        }
        if stored.user.id != read.id || !apply(&mut stored.user) {
            return AccountChangeOutcome::Changed(Some(Box::new(stored.user.clone())));
        }
        stored.operation = operation.clone();
        AccountChangeOutcome::Made
    }
}

/// Whether the requesting session still exists, if there is one.
fn has_session(user: &User, session: Option<&SessionId>) -> bool {
    session.is_none_or(|session| user.sessions.contains_key(session))
}
