//! Rotation of refresh tokens. The crate page has the table of outcomes.
//!
//! A client whose response was lost, or a second browser tab, presents the previous token within
//! the grace period. It gets the current pair again and nothing changes, so replays do not extend
//! the grace period. An older token means that two parties hold it: the server cannot tell the
//! thief from the client and ends the session (RFC 9700 §4.14.2).

use std::time::Duration;

use latchkey_token::{OperationId, RefreshClaims, SessionId, Subject, Timestamp, UserId};

use crate::{Client, Session, SessionLifetimes};

/// Lifetimes of sessions and the grace period of refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long sessions live.
    pub lifetimes: SessionLifetimes,
    /// How long after a rotation the previous refresh token still gets the current pair; zero for
    /// never.
    pub grace: Duration,
}

/// The planned rotation of a session. It applies only if the presented token is the newest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rotation {
    /// The user that the token names: `sub`.
    pub user: UserId,
    /// The session that the token names: `sid`.
    pub session: SessionId,
    /// The generation of the token, `gen`, which must equal that of the session.
    pub generation: u64,
    /// The time of the rotation: `iat` of the next refresh token.
    pub rotated_at: Timestamp,
    /// The new expiry of the session.
    pub expires_at: Timestamp,
    /// The client that refreshes.
    pub client: Client,
    /// The id of this write: `jti` of the next refresh token.
    pub operation: OperationId,
}

/// The state of a verified refresh token within its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The newest token: rotate the session and return the next pair.
    Current,
    /// The previous token within the grace period: return the current pair again.
    Previous,
    /// An older token: reuse. End the session.
    Reused,
    /// The session is not alive.
    Ended,
}

impl RotationPolicy {
    /// Plans the rotation for `token` at `now`. `None` if the session is past its absolute
    /// lifetime, which an operator may have shortened since the token was issued, or if the token
    /// is a legacy token without a session.
    pub fn rotate(
        &self,
        token: &RefreshClaims,
        client: Client,
        operation: OperationId,
        now: Timestamp,
    ) -> Option<Rotation> {
        let (Subject::User { id, .. }, Some(session)) = (&token.subject, &token.session) else {
            return None;
        };
        let expires_at = self.lifetimes.expiry(token.auth_time, now);
        (expires_at > now).then(|| Rotation {
            user: id.clone(),
            session: session.clone(),
            generation: token.generation,
            rotated_at: now,
            expires_at,
            client,
            operation,
        })
    }

    /// The state of a token of `generation` within `session`. Pass `None` for a session that is not
    /// alive.
    pub fn outcome(
        &self,
        session: Option<&Session>,
        generation: u64,
        now: Timestamp,
    ) -> RefreshOutcome {
        let Some(session) = session else {
            return RefreshOutcome::Ended;
        };
        // A request that took its time before the rotation sees a rotation in the future. It counts
        // as recent, unless the grace period is zero.
        let is_recent = self.grace > Duration::ZERO && now < session.rotated_at + self.grace;
        if generation == session.generation {
            RefreshOutcome::Current
        } else if generation.checked_add(1) == Some(session.generation) && is_recent {
            RefreshOutcome::Previous
        } else {
            RefreshOutcome::Reused
        }
    }
}

impl Rotation {
    /// Whether this rotation made the newest change to `session`.
    pub fn is_in(&self, session: &Session) -> bool {
        session.operation == self.operation
    }

    /// Moves a live session to its next generation. Returns false and changes nothing if the token
    /// is not the newest.
    pub fn apply(&self, session: &mut Session) -> bool {
        let is_current = session.generation == self.generation;
        if is_current {
            session.generation += 1;
            session.rotated_at = self.rotated_at;
            session.expires_at = self.expires_at;
            session.client = self.client.clone();
            session.operation = self.operation.clone();
        }
        is_current
    }
}
