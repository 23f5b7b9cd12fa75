//! Rotating a session: what a presented refresh token is answered with.
//!
//! The README of the crate has the table of what is answered when.
//!
//! An answer that was lost and a second browser tab both look like its third row: they get what
//! they missed, and nothing moves, so that no number of repetitions makes the period longer. Two
//! holders of one token who refresh further apart than that meet in its last row: one of them has
//! stolen it, the server cannot tell which, so the session ends (RFC 9700 §4.14.2).

use std::time::Duration;

use latchkey_token::{OperationId, RefreshClaims, SessionId, Subject, Timestamp, UserId};

use crate::{Client, Session, SessionLifetimes};

/// What refresh tokens are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// How long sessions live.
    pub lifetimes: SessionLifetimes,
    /// How long after a rotation the token that it replaced still gets the current pair.
    pub grace: Duration,
}

/// What a session becomes when the token that was presented is its newest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rotation {
    /// The user whom the token names.
    pub user: UserId,
    /// The session that the token names.
    pub session: SessionId,
    /// The token's generation, which the session's must be.
    pub generation: u64,
    /// The moment of the rotation.
    pub rotated_at: Timestamp,
    /// When the session expires then.
    pub expires_at: Timestamp,
    /// Where the refresh came from.
    pub client: Client,
    /// Names this write.
    pub operation: OperationId,
}

/// What a genuine refresh token is, held against its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The newest: it buys the next pair.
    Current,
    /// The one before, and the rotation is recent: it gets the current pair once more.
    Previous,
    /// One that was used before: the session has to end.
    Reused,
    /// One whose session is not alive.
    Ended,
}

impl RotationPolicy {
    /// The rotation for `token` at `now`; `None` if its session is past its absolute end, which an
    /// operator may have moved since the token was issued, or if a legacy token names no session.
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

    /// Holds a token of `generation` against its session; `None` when that is not alive.
    pub fn outcome(
        &self,
        session: Option<&Session>,
        generation: u64,
        now: Timestamp,
    ) -> RefreshOutcome {
        let Some(session) = session else {
            return RefreshOutcome::Ended;
        };
        // A request that was read before the rotation sees it in the future. Without a grace period
        // that is no excuse.
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
    /// Whether `session` is as this rotation left it.
    pub fn is_in(&self, session: &Session) -> bool {
        session.operation == self.operation
    }

    /// Moves a live session to its next generation. Returns false, and changes nothing, when the
    /// token is not its newest.
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
