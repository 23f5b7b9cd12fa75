//! Starts of sessions.
#![cfg(test)]

use std::time::Duration;

use latchkey_session::{Client, SessionLifetimes, SessionPolicy, Sessions, StartedSession};
use latchkey_token::{OperationId, SessionId, Timestamp};

const POLICY: SessionPolicy = SessionPolicy {
    lifetimes: SessionLifetimes {
        idle: Duration::from_secs(30),
        absolute: Duration::from_secs(90),
    },
    limit: 3,
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(seconds)
}

fn start(existing: &Sessions, now: u64) -> StartedSession {
    let (id, operation) = (SessionId::generate().unwrap(), OperationId::generate().unwrap());
    POLICY.start(existing, id, operation, Client::default(), at(now))
}

#[test]
fn a_new_session_expires_when_idle_and_at_its_absolute_end() {
    assert_eq!(start(&Sessions::new(), 1_000).session.expires_at, at(1_030));
    let absolute = Duration::from_secs(20);
    let short =
        SessionPolicy { lifetimes: SessionLifetimes { absolute, ..POLICY.lifetimes }, ..POLICY };
    let (id, operation) = (SessionId::generate().unwrap(), OperationId::generate().unwrap());
    let started = short.start(&Sessions::new(), id, operation, Client::default(), at(1_000));
    assert_eq!(started.session.expires_at, at(1_020));
}

#[test]
fn the_absolute_lifetime_counts_from_the_auth_time() {
    let expiry = |auth_time| {
        let started = POLICY.proved_at(start(&Sessions::new(), 1_000), at(auth_time));
        assert_eq!(started.session.auth_time, at(auth_time));
        started.session.expires_at
    };
    assert_eq!(expiry(1_000), at(1_030));
    assert_eq!(expiry(930), at(1_020), "90 s after the auth time");
}

#[test]
fn a_login_over_the_limit_ends_the_least_recently_used_session() {
    let mut sessions = Sessions::new();
    for now in [1_000, 1_001, 1_002] {
        start(&sessions, now).apply(&mut sessions);
    }
    let oldest = sessions.iter().min_by_key(|(_, session)| session.rotated_at).unwrap().0.clone();
    sessions.get_mut(&oldest).unwrap().rotated_at = at(1_003);
    let second = sessions.iter().find(|(_, s)| s.rotated_at == at(1_001)).unwrap().0.clone();

    let started = start(&sessions, 1_004);

    assert_eq!(started.ended, [second], "the oldest was used more recently");
    started.apply(&mut sessions);
    assert_eq!(sessions.len(), POLICY.limit);
}

#[test]
fn concurrent_logins_may_exceed_the_limit_until_the_next_login() {
    let mut sessions = Sessions::new();
    for now in [1_000, 1_001, 1_002] {
        start(&sessions, now).apply(&mut sessions);
    }
    let [first, second] = [1_003, 1_004].map(|now| start(&sessions, now));
    assert_eq!(first.ended, second.ended);
    first.apply(&mut sessions);
    second.apply(&mut sessions);
    assert_eq!(sessions.len(), POLICY.limit + 1);
    start(&sessions, 1_005).apply(&mut sessions);
    assert_eq!(sessions.len(), POLICY.limit);
}

#[test]
fn a_login_removes_at_most_200_sessions_and_live_ones_over_the_limit_first() {
    let mut sessions = Sessions::new();
    for _ in 0..250 {
        let started = start(&Sessions::new(), 1_000);
        sessions.insert(started.id, started.session);
    }
    let mut live = Vec::new();
    for now in 1_030..1_034 {
        let started = start(&Sessions::new(), now);
        live.push(started.id.clone());
        sessions.insert(started.id, started.session);
    }
    let started = start(&sessions, 1_040);
    assert_eq!(started.ended.len(), 200);
    assert_eq!(started.ended[..2], live[..2]);
}

#[test]
fn expired_sessions_are_removed_and_do_not_count() {
    let mut sessions = Sessions::new();
    for now in [1_000, 1_001, 1_020] {
        start(&sessions, now).apply(&mut sessions);
    }
    let started = start(&sessions, 1_031);
    assert_eq!(started.ended.len(), 2);
}
