//! Rotating a session: what a presented refresh token is answered with.
//!
//! The README of the crate has the table of what is answered when.
//!
//! An answer that was lost and a second browser tab both look like its third row: they get what
//! they missed, and nothing moves, so that no number of repetitions makes the period longer. Two
//! holders of one token who refresh further apart than that meet in its last row: one of them has
//! stolen it, nobody can tell which, and so the session ends (RFC 9700 §4.14.2).

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

#[cfg(test)]
mod tests {
    use latchkey_token::TokenId;

    use super::*;

    const POLICY: RotationPolicy = RotationPolicy {
        lifetimes: SessionLifetimes {
            idle: Duration::from_secs(1_000),
            absolute: Duration::from_mins(50),
        },
        grace: Duration::from_secs(30),
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn operation() -> OperationId {
        OperationId::generate().unwrap()
    }

    /// A session that began at 10,000 and was rotated for the fifth time at `rotated_at`.
    fn session(rotated_at: u64) -> Session {
        Session {
            generation: 5,
            rotated_at: at(rotated_at),
            created_at: at(10_000),
            expires_at: at(rotated_at + 1_000),
            auth_time: at(10_000),
            client: Client::default(),
            operation: operation(),
        }
    }

    fn token(generation: u64) -> RefreshClaims {
        RefreshClaims {
            subject: Subject::User {
                id: UserId::generate().unwrap(),
                username: "alice".to_owned(),
            },
            session: Some(SessionId::generate().unwrap()),
            generation,
            token: Some(TokenId::generate().unwrap()),
            auth_time: at(10_000),
            expires_at: at(20_000),
            csrf: None,
        }
    }

    fn rotate(now: u64) -> Option<Rotation> {
        POLICY.rotate(&token(5), Client::new("198.51.100.7", "refresh"), operation(), at(now))
    }

    #[test]
    fn each_row_of_the_table() {
        let live = session(11_000);
        for (session, generation, now, expected) in [
            (None, 5, 11_001, RefreshOutcome::Ended),
            (Some(&live), 5, 11_001, RefreshOutcome::Current),
            (Some(&live), 5, 11_999, RefreshOutcome::Current),
            (Some(&live), 4, 11_000, RefreshOutcome::Previous),
            (Some(&live), 4, 11_029, RefreshOutcome::Previous),
            (Some(&live), 4, 11_030, RefreshOutcome::Reused),
            (Some(&live), 3, 11_001, RefreshOutcome::Reused),
            (Some(&live), 0, 11_001, RefreshOutcome::Reused),
            // Newer than the session: the table was set back.
            (Some(&live), 6, 11_001, RefreshOutcome::Reused),
            (Some(&live), u64::MAX, 11_001, RefreshOutcome::Reused),
            // Another sandbox's clock is ahead.
            (Some(&live), 4, 10_990, RefreshOutcome::Previous),
        ] {
            let found = POLICY.outcome(session, generation, at(now));
            assert_eq!(found, expected, "generation {generation} at {now}");
        }
    }

    #[test]
    fn without_grace_the_token_before_is_reused_also_in_the_same_second_and_earlier() {
        let strict = RotationPolicy { grace: Duration::ZERO, ..POLICY };
        for now in [10_999, 11_000, 11_001] {
            assert_eq!(strict.outcome(Some(&session(11_000)), 4, at(now)), RefreshOutcome::Reused);
        }
    }

    #[test]
    fn a_rotation_slides_the_expiry_up_to_the_absolute_end() {
        let expiry = |now| rotate(now).map(|rotation| rotation.expires_at);
        assert_eq!(expiry(11_000), Some(at(12_000)));
        assert_eq!(expiry(12_500), Some(at(13_000)), "the absolute end");
        assert_eq!(expiry(12_999), Some(at(13_000)));
        assert_eq!(expiry(13_000), None);
    }

    #[test]
    fn a_rotation_moves_the_session_once() {
        let mut current = session(11_000);
        let rotation = rotate(11_500).unwrap();
        assert!(rotation.apply(&mut current));
        assert!(rotation.is_in(&current));
        assert_eq!(current.client, Client::new("198.51.100.7", "refresh"));
        assert_eq!((current.generation, current.rotated_at), (6, at(11_500)));
        assert_eq!((current.expires_at, current.created_at), (at(12_500), at(10_000)));

        let rotated = current.clone();
        let second = rotate(11_501).unwrap();
        assert!(!second.apply(&mut current), "its token is the one before");
        assert_eq!(current, rotated);
    }

    #[test]
    fn the_newest_token_of_a_generation_is_one_token_however_often_it_is_handed_out() {
        let session = session(11_000);
        assert_eq!(session.newest(), session.clone().newest());
        assert_eq!(session.newest().number, 5);
        assert_eq!(session.newest().began_at, at(11_000));
    }
}
