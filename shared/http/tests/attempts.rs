//! Attempt limits of logins and sign-ups.
#![cfg(test)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lambda_http::Request;
use latchkey_http::{ApiError, AttemptLimits, ErrorKind, RequestContext};
use latchkey_session::{
    LimitKey, LimitOutcome, LimitWrite, StoreError, UpdateLimit, User, Username,
};
use latchkey_store::MemoryLimits;
use latchkey_testkit::fixtures::{NOW, session, user};
use latchkey_token::Timestamp;

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

/// Buckets that count their writes.
#[derive(Clone, Debug, Default)]
struct CountedLimits {
    limits: MemoryLimits,
    writes: Arc<AtomicUsize>,
    is_unavailable: bool,
}

impl UpdateLimit for CountedLimits {
    async fn update_limit(
        &self,
        key: &LimitKey,
        write: &LimitWrite,
    ) -> Result<LimitOutcome, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        if self.is_unavailable {
            return Err(StoreError::Unavailable("no answer".into()));
        }
        self.limits.update_limit(key, write).await
    }
}

impl CountedLimits {
    fn process(&self, address: &str, account: &str) -> AttemptLimits<Self> {
        let limit = |text: &str| (text != "off").then(|| text.parse().unwrap());
        AttemptLimits::new(self.clone(), limit(address), limit(account))
    }

    fn take_writes(&self) -> usize {
        self.writes.swap(0, Ordering::SeqCst)
    }
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn from(address: &str) -> Request {
    let context = RequestContext { source_ip: address.to_owned(), ..RequestContext::default() };
    let mut request = Request::default();
    request.extensions_mut().insert(context);
    request
}

/// Alice, with a live session from `HOME`.
fn alice() -> User {
    let mut alice = user("alice");
    let mut started = session(&alice, NOW);
    started.session.client.address = HOME.to_owned();
    alice.sessions.insert(started.id, started.session);
    alice
}

async fn log_in(
    limits: &AttemptLimits<CountedLimits>,
    found: Option<User>,
    address: &str,
    now: Timestamp,
) -> Result<Option<User>, ApiError> {
    let username = Username::parse("alice").unwrap();
    limits.admit_login(&from(address), &username, async { Ok(found) }, now).await
}

#[track_caller]
fn assert_limited<T: std::fmt::Debug>(outcome: Result<T, ApiError>, seconds: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let shape = latchkey_http::ErrorShape::FlaskJwt;
    assert_eq!(error.into_response(shape).headers()["retry-after"], seconds);
}

#[tokio::test]
async fn a_login_is_charged_to_the_address_and_then_to_the_account() {
    let store = CountedLimits::default();
    let limits = store.process("3/10", "2/60");
    for (now, writes) in [(NOW, 2), (NOW, 4)] {
        log_in(&limits, None, ELSEWHERE, now).await.unwrap();
        assert_eq!(store.take_writes(), writes);
    }
    assert_limited(log_in(&limits, None, ELSEWHERE, NOW).await, "60");
    assert_eq!(store.take_writes(), 3, "the address, which is busy, and the account");
    assert_limited(log_in(&limits, None, ELSEWHERE, later(59)).await, "1");
    assert_eq!(store.take_writes(), 0, "the process remembers the refusal");
    log_in(&limits, None, ELSEWHERE, later(60)).await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_refused_costs_the_account_nothing() {
    let store = CountedLimits::default();
    let limits = store.process("1/10", "2/60");
    log_in(&limits, None, ELSEWHERE, NOW).await.unwrap();
    store.take_writes();
    assert_limited(log_in(&limits, None, ELSEWHERE, NOW).await, "10");
    assert_eq!(store.take_writes(), 1);
    assert_limited(log_in(&limits, None, ELSEWHERE, NOW).await, "10");
    assert_eq!(store.take_writes(), 0);
    log_in(&limits, None, HOME, NOW).await.unwrap();
    assert_limited(log_in(&limits, None, "203.0.113.9", NOW).await, "60");
}

#[tokio::test]
async fn an_owner_with_a_session_from_the_address_logs_in_during_an_attack() {
    let store = CountedLimits::default();
    let limits = store.process("off", "2/60");
    for _ in 0..2 {
        log_in(&limits, Some(alice()), ELSEWHERE, NOW).await.unwrap();
    }
    assert_limited(log_in(&limits, Some(alice()), ELSEWHERE, NOW).await, "60");
    for _ in 0..2 {
        assert!(log_in(&limits, Some(alice()), HOME, NOW).await.unwrap().is_some());
    }
    assert_limited(log_in(&limits, Some(alice()), HOME, NOW).await, "60");
    store.take_writes();
    assert_limited(log_in(&limits, Some(alice()), HOME, NOW).await, "60");
    assert_limited(log_in(&limits, None, HOME, NOW).await, "60");
    assert_eq!(store.take_writes(), 0);
    let expired = later(10_000_000);
    log_in(&limits, Some(alice()), ELSEWHERE, expired).await.unwrap();
    log_in(&limits, Some(alice()), ELSEWHERE, expired).await.unwrap();
    assert_limited(log_in(&limits, Some(alice()), HOME, expired).await, "60");
}

#[tokio::test]
async fn a_password_check_of_a_known_user_is_charged_like_a_login() {
    let store = CountedLimits::default();
    let limits = store.process("3/10", "2/60");
    let check = async |address| limits.admit_user(&from(address), &alice(), NOW).await;
    log_in(&limits, None, ELSEWHERE, NOW).await.unwrap();
    check(ELSEWHERE).await.unwrap();
    assert_limited(check(ELSEWHERE).await, "60");
    check(HOME).await.unwrap();
}

#[tokio::test]
async fn addresses_are_ipv4_addresses_and_ipv6_networks_of_64_bits() {
    for (first, second, is_one_client) in [
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("2001:DB8::1", "2001:db8::1", true),
        ("not an address", "192.0.2.1", false),
    ] {
        let limits = CountedLimits::default().process("1/10", "off");
        limits.admit_signup(&from(first), NOW).await.unwrap();
        let outcome = limits.admit_signup(&from(second), NOW).await;
        assert_eq!(outcome.is_err(), is_one_client, "{first} {second}");
    }
}

#[tokio::test]
async fn sign_ups_and_logins_have_separate_buckets() {
    let limits = CountedLimits::default().process("1/10", "off");
    limits.admit_signup(&from(HOME), NOW).await.unwrap();
    log_in(&limits, None, HOME, NOW).await.unwrap();
    assert_limited(limits.admit_signup(&from(HOME), NOW).await, "10");
}

#[tokio::test]
async fn limits_that_are_off_make_no_call() {
    let store = CountedLimits::default();
    let limits = store.process("off", "off");
    for _ in 0..100 {
        log_in(&limits, None, HOME, NOW).await.unwrap();
        limits.admit_signup(&from(HOME), NOW).await.unwrap();
    }
    assert_eq!(store.take_writes(), 0);
}

#[tokio::test]
async fn an_unavailable_store_lets_no_attempt_through() {
    let store = CountedLimits { is_unavailable: true, ..CountedLimits::default() };
    for (address, account) in [("1/10", "off"), ("off", "1/10")] {
        let limits = store.process(address, account);
        let error = log_in(&limits, Some(alice()), HOME, NOW).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn a_remembered_refusal_does_not_outlive_a_clock_that_was_set_back() {
    let store = CountedLimits::default();
    let limits = store.process("1/10", "off");
    log_in(&limits, None, HOME, later(100_000)).await.unwrap();
    assert_limited(log_in(&limits, None, HOME, later(100_000)).await, "10");
    assert_limited(log_in(&limits, None, HOME, NOW).await, "10");
    log_in(&limits, None, HOME, later(10)).await.unwrap();
}
