//! Attempt limits: the rule, and its behaviour under concurrency.
#![cfg(test)]

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use latchkey_session::{
    AttemptLimit, Charge, LimitKey, LimitOutcome, LimitStep, LimitWrite, StoreError, UpdateLimit,
    charge,
};
use latchkey_token::Timestamp;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);

fn limit(text: &str) -> AttemptLimit {
    text.parse().unwrap()
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn key() -> LimitKey {
    LimitKey::login("192.0.2.1")
}

/// One bucket, with outcomes to inject before it is used.
#[derive(Default)]
struct Bucket {
    time: RefCell<Option<Timestamp>>,
    writes: RefCell<usize>,
    injected: RefCell<VecDeque<LimitOutcome>>,
}

impl Bucket {
    fn at(time: Timestamp) -> Self {
        Self { time: RefCell::new(Some(time)), ..Self::default() }
    }

    fn write(&self, write: &LimitWrite) -> LimitOutcome {
        *self.writes.borrow_mut() += 1;
        let found = *self.time.borrow();
        match write.apply(found) {
            Some(time) => {
                *self.time.borrow_mut() = Some(time);
                LimitOutcome::Written
            }
            None => LimitOutcome::Unchanged(found),
        }
    }
}

impl UpdateLimit for &Bucket {
    fn update_limit(
        &self,
        _: &LimitKey,
        write: &LimitWrite,
    ) -> impl Future<Output = Result<LimitOutcome, StoreError>> + Send {
        let outcome = self.injected.borrow_mut().pop_front();
        let outcome = outcome.unwrap_or_else(|| self.write(write));
        async move { Ok(outcome) }
    }
}

fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the bucket answers at once"),
    }
}

fn attempt(bucket: &Bucket, limit: AttemptLimit, now: Timestamp) -> Charge {
    now_or_never(charge(&bucket, &key(), limit, now)).unwrap()
}

#[test]
fn a_burst_is_allowed_and_then_one_attempt_per_interval() {
    let (bucket, limit) = (Bucket::default(), limit("3/10"));
    for _ in 0..3 {
        assert_eq!(attempt(&bucket, limit, NOW), Charge::Allowed);
    }
    assert_eq!(attempt(&bucket, limit, NOW), Charge::Refused(later(10)));
    assert_eq!(attempt(&bucket, limit, later(9)), Charge::Refused(later(10)));
    assert_eq!(attempt(&bucket, limit, later(10)), Charge::Allowed);
    assert_eq!(attempt(&bucket, limit, later(10)), Charge::Refused(later(20)));
    // After a quiet time the whole burst is back.
    for _ in 0..3 {
        assert_eq!(attempt(&bucket, limit, later(1_000)), Charge::Allowed);
    }
    assert_eq!(attempt(&bucket, limit, later(1_000)), Charge::Refused(later(1_010)));
}

#[test]
fn a_quiet_bucket_takes_one_write_a_busy_one_two_and_a_refusal_one() {
    let (bucket, limit) = (Bucket::default(), limit("2/10"));
    let writes = |now| {
        *bucket.writes.borrow_mut() = 0;
        attempt(&bucket, limit, now);
        *bucket.writes.borrow()
    };
    assert_eq!([writes(NOW), writes(NOW), writes(NOW)], [1, 2, 1]);
}

#[test]
fn a_wrong_clock_opens_or_closes_a_bucket_for_one_interval_at_most() {
    let limit = limit("3/10");
    assert_eq!(attempt(&Bucket::at(Timestamp::from_unix(0)), limit, NOW), Charge::Allowed);

    let bucket = Bucket::at(later(1_000_000));
    assert_eq!(attempt(&bucket, limit, NOW), Charge::Refused(later(10)));
    assert_eq!(attempt(&bucket, limit, NOW), Charge::Refused(later(10)), "it stays exhausted");
    assert_eq!(attempt(&bucket, limit, later(10)), Charge::Allowed);
    assert_eq!(attempt(&bucket, limit, later(10)), Charge::Refused(later(20)));
}

#[test]
fn a_throttled_bucket_refuses_for_a_second() {
    let bucket = Bucket::default();
    bucket.injected.borrow_mut().push_back(LimitOutcome::Throttled);
    assert_eq!(attempt(&bucket, limit("3/10"), NOW), Charge::Refused(later(1)));
}

#[test]
fn a_limit_is_burst_slash_seconds() {
    assert_eq!(limit("1/1"), limit("01/1"));
    for text in [
        "", "3", "3/", "/3", "0/1", "1/0", "-1/1", "+1/1", "1/1/1", "10001/1", "1/86401", "1.5/2",
        " 1/1",
    ] {
        assert!(text.parse::<AttemptLimit>().is_err(), "{text}");
    }
}

/// What happens to an attempt between its writes.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The process goes on with its next write.
    Write,
    /// The reply of its write is lost, so that the SDK sends it again.
    LoseReply,
    /// The clock moves on.
    Tick,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let kind =
        prop_oneof![6 => Just(Step::Write), 2 => Just(Step::LoseReply), 1 => Just(Step::Tick)];
    (0..8_usize, kind)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Eight processes make attempts in any order, with lost replies and clocks that differ by up to
    /// two seconds.
    #[test]
    fn no_interleaving_allows_more_than_the_limit(
        steps in prop::collection::vec(step(), 1..200),
        skews in prop::array::uniform8(0..3_u64),
        burst in 1..6_u32,
        interval in 1..8_u64,
    ) {
        let limit = limit(&format!("{burst}/{interval}"));
        let bucket = Bucket::default();
        // Each process: the step of its attempt, and the time at which the attempt began.
        let mut processes = skews.map(|_| None);
        let (mut elapsed, mut allowed) = (0, 0);
        for (index, step) in steps {
            if matches!(step, Step::Tick) {
                elapsed += 1;
                continue;
            }
            let now = later(elapsed + skews[index]);
            let (attempt, began) = processes[index].take().unwrap_or((limit.first_step(now), now));
            processes[index] = match attempt {
                LimitStep::Refuse(_) => None,
                LimitStep::Repair(write) => { bucket.write(&write); None }
                LimitStep::Charge(write) => {
                    if matches!(step, Step::LoseReply) {
                        bucket.write(&write);
                    }
                    match bucket.write(&write) {
                        LimitOutcome::Written => { allowed += 1; None }
                        LimitOutcome::Unchanged(Some(found)) => Some((limit.next_step(found, began), began)),
                        LimitOutcome::Unchanged(None) | LimitOutcome::Throttled => None,
                    }
                }
            };
        }
        let span = elapsed + 2;
        prop_assert!(allowed <= u64::from(burst) + span / interval, "{allowed} in {span} s");
    }

    /// Without races every attempt that the limit allows is allowed, and the refusal names the second.
    #[test]
    fn a_refusal_ends_at_the_second_that_it_names(
        gaps in prop::collection::vec(0..30_u64, 1..60),
        burst in 1..6_u32,
        interval in 1..20_u64,
    ) {
        let limit = limit(&format!("{burst}/{interval}"));
        let (bucket, mut now) = (Bucket::default(), NOW);
        for gap in gaps {
            now = now + Duration::from_secs(gap);
            if let Charge::Refused(until) = attempt(&bucket, limit, now) {
                prop_assert!(until > now);
                let before = Timestamp::from_unix(until.unix() - 1);
                if before > now {
                    prop_assert_eq!(attempt(&bucket, limit, before), Charge::Refused(until));
                }
                prop_assert_eq!(attempt(&bucket, limit, until), Charge::Allowed);
                now = until;
            }
        }
    }
}
