//! The user's item and its conditional writes: the contract of a store.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use latchkey_session::{
    AccountEdit, CodeHash, Rotation, Session, Sessions, StartedSession, User, Username,
};
use latchkey_token::{OperationId, SessionId, Timestamp, UserId};

use secrecy::SecretString;

use super::holder::Token;

/// A user, and the version of their credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Credentials {
    pub(super) user: UserId,
    pub(super) version: u64,
}

/// The item of the user name.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) user: User,
    /// The last change of the whole account.
    operation: OperationId,
}

impl Item {
    /// The item of the `nth` account with the name.
    pub(super) fn new(nth: usize, now: Timestamp) -> Self {
        let id = UserId::parse(&format!("user-{nth:03}")).unwrap();
        let user = User::new(id, Username::parse("alice").unwrap(), None, now);
        Self { user, operation: OperationId::parse("sign-up").unwrap() }
    }

    pub(super) fn credentials(&self) -> Credentials {
        Credentials { user: self.user.id.clone(), version: self.user.credentials_version }
    }

    fn may_be_removed(&self, read: &Credentials, session: &SessionId) -> bool {
        self.credentials() == *read && self.user.sessions.contains_key(session)
    }

    /// All parts that can change.
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

/// A write by a function.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) enum Write {
    Start(Start),
    Rotate(Rotation),
    Password(PasswordWrite),
    End {
        user: UserId,
        session: SessionId,
    },
    Change(AccountWrite),
    Remove {
        read: Credentials,
        session: SessionId,
    },
    /// A whole edit by an operator: it is conditional on the account as read, so that it is atomic.
    Operate(Command, Timestamp),
}

/// A command of an operator that ends all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    EndSessions,
    DisableAndEnable,
    ResetPassword,
}

impl Command {
    pub(crate) const ALL: [Self; 3] =
        [Self::EndSessions, Self::DisableAndEnable, Self::ResetPassword];

    fn edits(self) -> Vec<AccountEdit> {
        match self {
            Self::EndSessions => vec![AccountEdit::EndSessions(None)],
            Self::DisableAndEnable => {
                vec![AccountEdit::Disable("model".to_owned()), AccountEdit::Enable]
            }
            Self::ResetPassword => {
                let code = CodeHash([0; 32]);
                vec![
                    AccountEdit::Reset(code),
                    AccountEdit::SetPassword(code, SecretString::from("hash")),
                ]
            }
        }
    }

    fn deliver(self, item: &mut Item, now: Timestamp) -> Reply {
        for edit in self.edits() {
            item.user = edit.apply(&item.user, now).unwrap().unwrap();
        }
        let version = item.user.credentials_version;
        item.operation = OperationId::parse(&format!("operator-{version}")).unwrap();
        Reply::Made
    }
}

/// A session that a login starts, on condition that the credentials are as read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Start {
    pub(super) read: Credentials,
    pub(super) started: StartedSession,
}

impl Hash for Start {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let StartedSession { id, session, ended } = &self.started;
        (&self.read, id, session, ended).hash(hasher);
    }
}

/// A new password, and the session that replaces all others.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct PasswordWrite {
    pub(super) start: Start,
    /// The requesting session.
    pub(super) session: SessionId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    EndAll,
    EndOthers,
}

/// A change of the account by one of its sessions.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(super) struct AccountWrite {
    pub(super) change: Change,
    /// The account as read.
    pub(super) read: Credentials,
    pub(super) session: SessionId,
    /// The requesting session as read.
    pub(super) session_read: Session,
    pub(super) operation: OperationId,
}

/// The reply to a delivery of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Made,
    /// An earlier delivery has made the same write.
    MadeBefore,
    /// The condition does not hold. Nothing is written.
    Refused,
}

impl Write {
    pub(super) fn end(token: &Token) -> Self {
        Self::End { user: token.user.clone(), session: token.session.clone() }
    }

    /// Applies the write atomically if its condition holds.
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
            (Self::Operate(command, now), Some(item)) => command.deliver(item, *now),
        }
    }
}

impl Start {
    fn deliver(&self, item: &mut Item) -> Reply {
        if self.started.is_in(&item.user.sessions) {
            Reply::MadeBefore
        } else if item.credentials() == self.read {
            self.started.apply(&mut item.user.sessions);
            Reply::Made
        } else {
            Reply::Refused
        }
    }
}

impl PasswordWrite {
    fn deliver(&self, item: &mut Item) -> Reply {
        let StartedSession { id, session, .. } = &self.start.started;
        if item.may_be_removed(&self.start.read, &self.session) {
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

impl AccountWrite {
    /// As in `DynamoDB`, compares the operation only if the condition does not hold.
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
        let session = user.sessions.get(&self.session);
        let is_as_read =
            session.is_some_and(|session| session.operation == self.session_read.operation);
        let holds = match self.change {
            Change::EndAll => session.is_some(),
            Change::EndOthers => is_as_read,
        };
        if holds {
            // Replaces the whole map, with the requesting session as read.
            user.sessions.clear();
            if self.change == Change::EndOthers {
                user.sessions.insert(self.session.clone(), self.session_read.clone());
            }
        }
        holds
    }
}
