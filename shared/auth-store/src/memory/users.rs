//! Users in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use auth_session::{Rotation, Session, SessionState, User, Username};
use auth_token::{OperationId, SessionId};
use secrecy::SecretString;

use super::lock;
use crate::{
    AccountChange, AccountChangeOutcome, AddUser, AddUserOutcome, ChangePassword, EndSession,
    EndSessions, EndedSessions, FindSession, FindUser, RemoveUser, RotateSession,
    RotateSessionOutcome, SessionEnd, SessionStart, StartSession, StartSessionOutcome, StoreError,
};

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
        Ok(lock(&self.0).get(username.folded()).map(|stored| stored.user.state_of(session)))
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
        if start.started.is_in(&user.sessions) {
            return Ok(StartSessionOutcome::Started);
        }
        let is_as_proved =
            user.id == *start.user && user.credentials_version == start.credentials_version;
        if !is_as_proved || !start.started.apply(&mut user.sessions) {
            return Ok(StartSessionOutcome::Changed(Some(Box::new(user.clone()))));
        }
        if let Some(hash) = start.password_hash {
            user.password_hash = hash.clone();
        }
        Ok(StartSessionOutcome::Started)
    }
}

impl RotateSession for MemoryUsers {
    async fn rotate_session(
        &self,
        username: &Username,
        rotation: &Rotation,
    ) -> Result<RotateSessionOutcome, StoreError> {
        let mut users = lock(&self.0);
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
}

impl EndSession for MemoryUsers {
    async fn end_session(&self, end: &SessionEnd<'_>) -> Result<(), StoreError> {
        if let Some(StoredUser { user, .. }) = lock(&self.0).get_mut(end.username.folded())
            && user.id == *end.user
        {
            user.sessions.remove(end.session);
        }
        Ok(())
    }
}

impl EndSessions for MemoryUsers {
    async fn end_sessions(
        &self,
        change: &AccountChange<'_>,
        ended: EndedSessions,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Ok(self.change(change, |user| match ended {
            EndedSessions::All => {
                let is_there = user.sessions.contains_key(change.session);
                if is_there {
                    user.sessions.clear();
                }
                is_there
            }
            EndedSessions::Others => keep_only_the_asking(user, change),
        }))
    }
}

impl ChangePassword for MemoryUsers {
    async fn change_password(
        &self,
        change: &AccountChange<'_>,
        password_hash: &SecretString,
    ) -> Result<AccountChangeOutcome, StoreError> {
        Ok(self.change(change, |user| {
            let is_as_read = user.credentials_version == change.user.credentials_version
                && keep_only_the_asking(user, change);
            if is_as_read {
                user.credentials_version += 1;
                user.password_hash = password_hash.clone();
            }
            is_as_read
        }))
    }
}

impl RemoveUser for MemoryUsers {
    async fn remove_user(
        &self,
        change: &AccountChange<'_>,
    ) -> Result<AccountChangeOutcome, StoreError> {
        let mut users = lock(&self.0);
        let name = change.user.username.folded();
        match users.get(name).map(|stored| &stored.user) {
            Some(user) if user.id == change.user.id => {
                let is_as_read = user.credentials_version == change.user.credentials_version
                    && user.sessions.contains_key(change.session);
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

impl MemoryUsers {
    /// Makes a change that `apply` makes if it can, unless it has been made before.
    fn change(
        &self,
        change: &AccountChange<'_>,
        apply: impl FnOnce(&mut User) -> bool,
    ) -> AccountChangeOutcome {
        let mut users = lock(&self.0);
        let Some(stored) = users.get_mut(change.user.username.folded()) else {
            return AccountChangeOutcome::Changed(None);
        };
        if stored.operation == *change.operation {
            return AccountChangeOutcome::Made;
        }
        if stored.user.id != change.user.id || !apply(&mut stored.user) {
            return AccountChangeOutcome::Changed(Some(Box::new(stored.user.clone())));
        }
        stored.operation = change.operation.clone();
        AccountChangeOutcome::Made
    }
}

/// Ends every session but the one that asks, if that is as it was read.
fn keep_only_the_asking(user: &mut User, change: &AccountChange<'_>) -> bool {
    let operation = |user: &User| -> Option<OperationId> {
        user.sessions.get(change.session).map(|session: &Session| session.operation.clone())
    };
    let is_as_read = operation(user).is_some() && operation(user) == operation(change.user);
    if is_as_read {
        user.sessions.retain(|id, _| id == change.session);
    }
    is_as_read
}
