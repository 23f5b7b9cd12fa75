//! Starting sessions.

use latchkey_token::{OperationId, SessionId, Timestamp};

use crate::{Client, Session, SessionLifetimes, Sessions};

/// Lifetimes of sessions and the number of sessions per user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Lifetimes of each session.
    pub lifetimes: SessionLifetimes,
    /// Maximum number of live sessions of one user.
    pub limit: usize,
}

/// Maximum number of sessions that one write removes. A DynamoDB expression may have 4 KB and 300
/// operators.
const MAX_REMOVED: usize = 200;

/// A planned session: the session to write, and the sessions to remove in the same write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedSession {
    /// The id of the new session: `sid` of its tokens.
    pub id: SessionId,
    /// The new session, of generation 0.
    pub session: Session,
    /// The sessions to remove: the least recently used over the limit, and expired ones, at most
    /// 200. Removing a session that is already gone changes nothing.
    pub ended: Vec<SessionId>,
}

impl SessionPolicy {
    /// Plans a session beside the `existing` sessions of its user. Parallel logins may exceed the
    /// limit; the next login restores it.
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
    /// Moves `auth_time` of a planned session back to when the user proved the password. The
    /// absolute lifetime counts from there.
    #[must_use]
    pub fn proved_at(&self, started: StartedSession, auth_time: Timestamp) -> StartedSession {
        let expires_at = self.lifetimes.expiry(auth_time, started.session.rotated_at);
        let session = Session { expires_at, auth_time, ..started.session };
        StartedSession { session, ..started }
    }
}

impl StartedSession {
    /// Whether `sessions` has the session as this plan wrote it.
    pub fn is_in(&self, sessions: &Sessions) -> bool {
        sessions.get(&self.id).is_some_and(|found| found.operation == self.session.operation)
    }

    /// Adds the session to `sessions` and removes those in [`ended`](Self::ended).
    pub fn apply(&self, sessions: &mut Sessions) {
        sessions.retain(|id, _| !self.ended.contains(id));
        sessions.insert(self.id.clone(), self.session.clone());
    }
}
