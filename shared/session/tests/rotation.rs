//! Rotations of sessions.
#![cfg(test)]

use std::time::Duration;

use latchkey_session::{
    Client, RefreshOutcome, Rotation, RotationPolicy, Session, SessionLifetimes,
};
use latchkey_token::{OperationId, RefreshClaims, SessionId, Subject, Timestamp, TokenId, UserId};

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
        subject: Subject::User { id: UserId::generate().unwrap(), username: "alice".to_owned() },
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
fn generation_and_age_determine_the_outcome() {
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
        // Newer than the session: the table was restored from a backup.
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
fn without_a_grace_period_the_previous_token_is_always_reuse() {
    let strict = RotationPolicy { grace: Duration::ZERO, ..POLICY };
    for now in [10_999, 11_000, 11_001] {
        assert_eq!(strict.outcome(Some(&session(11_000)), 4, at(now)), RefreshOutcome::Reused);
    }
}

#[test]
fn a_rotation_extends_the_expiry_up_to_the_absolute_end() {
    let expiry = |now| rotate(now).map(|rotation| rotation.expires_at);
    assert_eq!(expiry(11_000), Some(at(12_000)));
    assert_eq!(expiry(12_500), Some(at(13_000)), "the absolute end");
    assert_eq!(expiry(12_999), Some(at(13_000)));
    assert_eq!(expiry(13_000), None);
}

#[test]
fn a_rotation_applies_once() {
    let mut current = session(11_000);
    let rotation = rotate(11_500).unwrap();
    assert!(rotation.apply(&mut current));
    assert!(rotation.is_in(&current));
    assert_eq!(current.client, Client::new("198.51.100.7", "refresh"));
    assert_eq!((current.generation, current.rotated_at), (6, at(11_500)));
    assert_eq!((current.expires_at, current.created_at), (at(12_500), at(10_000)));

    let rotated = current.clone();
    let second = rotate(11_501).unwrap();
    assert!(!second.apply(&mut current), "its token is the previous one");
    assert_eq!(current, rotated);
}

#[test]
fn the_refresh_token_of_a_generation_is_always_the_same() {
    let session = session(11_000);
    assert_eq!(session.newest(), session.clone().newest());
    assert_eq!(session.newest().number, 5);
    assert_eq!(session.newest().began_at, at(11_000));
}
