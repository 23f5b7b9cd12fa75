//! The user's item, and the conditional writes of it: what a store promises.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use latchkey_session::{
    AccountStatus, Rotation, Session, Sessions, StartedSession, User, Username,
};
use latchkey_token::{AdditionalClaims, OperationId, SessionId, Timestamp, UserId};
use secrecy::SecretString;

use super::holder::Token;

/// Whose password was proved, and which one of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Credentials {
    pub(super) user: UserId,
    pub(super) version: u64,
}

/// What stands under the one user name of the world.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) user: User,
    /// The newest change of the account as a whole.
    operation: OperationId,
}

impl Item {
    /// The item of the name's `nth` account.
    pub(super) fn new(nth: usize, now: Timestamp) -> Self {
        let user = User {
            id: UserId::parse(&format!("user-{nth:03}")).unwrap(),
            username: Username::parse("alice").unwrap(),
            email: None,
            password_hash: SecretString::default(),
            roles: Vec::new(),
            claims: AdditionalClaims::default(),
            status: AccountStatus::Active,
            created_at: now,
            credentials_version: 0,
            sessions: Sessions::new(),
        };
        Self { user, operation: OperationId::parse("sign-up").unwrap() }
    }

    pub(super) fn credentials(&self) -> Credentials {
        Credentials { user: self.user.id.clone(), version: self.user.credentials_version }
    }

    fn may_be_removed(&self, read: &Credentials, session: &SessionId) -> bool {
        self.credentials() == *read && self.user.sessions.contains_key(session)
    }

    /// All of it that ever changes.
    fn state(&self) -> (Credentials, &Sessions, &OperationId) {
        (self.credentials(), &self.user.sessions, &self.operation)
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.state() == other.state()
    }
}

impl Hash for Item {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.state().hash(hasher);
    }
}

/// A write that a function asks the store for.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) enum Write {
    Start(Start),
    Rotate(Rotation),
    Password(PasswordChange),
    End { user: UserId, session: SessionId },
    Change(AccountChange),
    Remove { read: Credentials, session: SessionId },
}

/// A session that a login starts, on condition that the password is still the one it proved.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) proved: Credentials,
    pub(super) started: StartedSession,
}

impl Hash for Start {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let StartedSession { id, session, ended } = &self.started;
        (&self.proved, id, session, ended).hash(hasher);
    }
}

/// A new password, and the session that replaces all others.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct PasswordChange {
    pub(super) start: Start,
    /// The session that asks.
    pub(super) session: SessionId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    EndAll,
    EndOthers,
}

/// A change of the account by one of its sessions.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct AccountChange {
    pub(super) change: Change,
    /// The account, as it was read.
    pub(super) read: Credentials,
    pub(super) session: SessionId,
    /// The session that asks, as it was read.
    pub(super) asking: Session,
    pub(super) operation: OperationId,
}

/// What a delivery of a write tells the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Made,
    /// An earlier delivery of the same write had made it.
    MadeBefore,
    /// The condition does not hold, and nothing was written.
    Refused,
}

impl Write {
    pub(super) fn end(token: &Token) -> Self {
        Self::End { user: token.user.clone(), session: token.session.clone() }
    }

    /// One delivery: applies the write, in one atomic step, if its condition holds.
    pub(super) fn deliver(&self, slot: &mut Option<Arc<Item>>) -> Reply {
        match (self, slot.as_mut().map(Arc::make_mut)) {
            (Self::End { user, session }, item) => {
                if let Some(item) = item.filter(|item| item.user.id == *user) {
                    item.user.sessions.remove(session);
                }
                Reply::Made
            }
            (Self::Remove { read, session }, item) => {
                match item.filter(|item| item.user.id == read.user) {
                    None => Reply::MadeBefore,
                    Some(item) if item.may_be_removed(read, session) => {
                        *slot = None;
                        Reply::Made
                    }
                    Some(_) => Reply::Refused,
                }
            }
            (_, None) => Reply::Refused,
            (Self::Start(start), Some(item)) => start.deliver(item),
            (Self::Rotate(rotation), Some(item)) => rotate(rotation, item),
            (Self::Password(change), Some(item)) => change.deliver(item),
            (Self::Change(change), Some(item)) => change.deliver(item),
        }
    }
}

impl Start {
    fn deliver(&self, item: &mut Item) -> Reply {
        if self.started.is_in(&item.user.sessions) {
            Reply::MadeBefore
        } else if item.credentials() == self.proved {
            self.started.apply(&mut item.user.sessions);
            Reply::Made
        } else {
            Reply::Refused
        }
    }
}

impl PasswordChange {
    fn deliver(&self, item: &mut Item) -> Reply {
        let StartedSession { id, session, .. } = &self.start.started;
        if item.may_be_removed(&self.start.proved, &self.session) {
            item.user.sessions = [(id.clone(), session.clone())].into();
            item.user.credentials_version += 1;
            item.operation = session.operation.clone();
            Reply::Made
        } else if item.operation == session.operation {
            Reply::MadeBefore
        } else {
            Reply::Refused
        }
    }
}

fn rotate(rotation: &Rotation, item: &mut Item) -> Reply {
    let live = item.user.live_session(&rotation.user, &rotation.session, rotation.rotated_at);
    let is_alive = live.is_some();
    let Some(session) = item.user.sessions.get_mut(&rotation.session).filter(|_| is_alive) else {
        return Reply::Refused;
    };
    if rotation.is_in(session) {
        Reply::MadeBefore
    } else if rotation.apply(session) {
        Reply::Made
    } else {
        Reply::Refused
    }
}

impl AccountChange {
    /// Only a condition that does not hold asks who wrote what it met, as in `DynamoDB`.
    fn deliver(&self, item: &mut Item) -> Reply {
        if item.user.id == self.read.user && self.apply(&mut item.user) {
            item.operation = self.operation.clone();
            Reply::Made
        } else if item.operation == self.operation {
            Reply::MadeBefore
        } else {
            Reply::Refused
        }
    }

    fn apply(&self, user: &mut User) -> bool {
        let asking = user.sessions.get(&self.session);
        let is_as_read = asking.is_some_and(|asking| asking.operation == self.asking.operation);
        let holds = match self.change {
            Change::EndAll => asking.is_some(),
            Change::EndOthers => is_as_read,
        };
        if holds {
            // The whole map is replaced, with the session that asks as it was read.
            user.sessions.clear();
            if self.change == Change::EndOthers {
                user.sessions.insert(self.session.clone(), self.asking.clone());
            }
        }
        holds
    }
}
