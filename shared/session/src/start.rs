//! Starting a session.

use latchkey_token::{OperationId, SessionId, Timestamp};

use crate::{Client, Session, SessionLifetimes, Sessions};

/// How long sessions live and how many a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// How long each one lives.
    pub lifetimes: SessionLifetimes,
    /// How many sessions of one user live at once.
    pub limit: usize,
}

/// The most sessions that one write removes. DynamoDB takes 4 KB and 300 operators an expression.
const MAX_REMOVED: usize = 200;

/// A session to be written, and those that have to make room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedSession {
    /// The new session's name.
    pub id: SessionId,
    /// The new session.
    pub session: Session,
    /// Sessions to remove in the same write: the least recently used over the limit and the
    /// expired, at most 200. Removing one that is gone already changes nothing.
    pub ended: Vec<SessionId>,
}

impl SessionPolicy {
    /// Starts a session beside the `existing` ones of its user. Two logins at once may exceed the
    /// limit; the next login that sees both restores it.
    pub fn start(
        &self,
        existing: &Sessions,
        id: SessionId,
        operation: OperationId,
        client: Client,
        now: Timestamp,
    ) -> StartedSession {
        let (expired, mut live): (Vec<_>, Vec<_>) =
            existing.iter().partition(|(_, session)| session.expires_at <= now);
        live.sort_by_key(|(_, session)| session.rotated_at);
        let surplus = (live.len() + 1).saturating_sub(self.limit);
        let surplus = live.into_iter().take(surplus).chain(expired);
        let ended = surplus.take(MAX_REMOVED).map(|(id, _)| id.clone()).collect();
        StartedSession {
            id,
            session: Session {
                generation: 0,
                rotated_at: now,
                created_at: now,
                expires_at: self.lifetimes.expiry(now, now),
                auth_time: now,
                client,
                operation,
            },
            ended,
        }
    }
}

impl SessionPolicy {
    /// The same start for a user who proved the password at `auth_time`, some time ago: the
    /// session ends absolutely that much earlier.
    #[must_use]
    pub fn proved_at(&self, started: StartedSession, auth_time: Timestamp) -> StartedSession {
        let expires_at = self.lifetimes.expiry(auth_time, started.session.rotated_at);
        let session = Session { expires_at, auth_time, ..started.session };
        StartedSession { session, ..started }
    }
}

impl StartedSession {
    /// Whether the session is among `sessions`, as this start wrote it.
    pub fn is_in(&self, sessions: &Sessions) -> bool {
        sessions.get(&self.id).is_some_and(|found| found.operation == self.session.operation)
    }

    /// Adds the session and removes those that make room for it.
    pub fn apply(&self, sessions: &mut Sessions) {
        sessions.retain(|id, _| !self.ended.contains(id));
        sessions.insert(self.id.clone(), self.session.clone());
    }
}
