//! Attempt limits: the generic cell rate algorithm over one time per bucket.
//!
//! A bucket stores the time at which it is empty again. Each allowed attempt moves that time by the
//! limit's interval; an attempt is refused while the time lies further ahead than the burst
//! allows.

use std::{
    future::Future,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    time::Duration,
};

use latchkey_token::Timestamp;

use crate::{StoreError, Username};

/// How far a stored time may lie beyond a full bucket before it counts as the work of a wrong
/// clock.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(1);

/// The writes that one attempt tries: one as if the bucket were empty, then one by the stored time.
const MAX_WRITES: usize = 2;

/// How long an attempt is refused whose bucket could not be written.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A limit of attempts: `burst` at once, then one per `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimit {
    burst: u32,
    interval: Duration,
}

/// Why a text is not a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit is burst/seconds, with a burst of 1 to 10000 and 1 to 86400 seconds")]
pub struct AttemptLimitError;

/// Reads `burst/seconds`.
impl FromStr for AttemptLimit {
    type Err = AttemptLimitError;

    fn from_str(text: &str) -> Result<Self, AttemptLimitError> {
        let (burst, seconds) = text.split_once('/').ok_or(AttemptLimitError)?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|_| is_number)
        };
        let burst = number(burst).filter(|burst| (1..=10_000).contains(burst));
        let seconds = number(seconds).filter(|seconds| (1..=86_400).contains(seconds));
        let (burst, seconds) = burst.zip(seconds).ok_or(AttemptLimitError)?;
        Ok(Self { burst, interval: Duration::from_secs(seconds.into()) })
    }
}

/// What a bucket counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitKey {
    /// The name of the limit.
    pub purpose: &'static str,
    /// Whose attempts it counts. The store writes only its hash.
    pub subject: String,
}

impl LimitKey {
    /// Sign-ups from a network.
    pub fn signup(network: &str) -> Self {
        Self { purpose: "signup-address", subject: network.to_owned() }
    }

    /// Password checks and one-time codes from a network.
    pub fn login(network: &str) -> Self {
        Self { purpose: "login-address", subject: network.to_owned() }
    }

    /// Password checks of an account. A name without an account has a bucket too.
    pub fn account(username: &Username) -> Self {
        Self { purpose: "login-account", subject: username.folded().to_owned() }
    }

    /// Password checks of an account from a network where the user has a session.
    pub fn account_at(username: &Username, network: &str) -> Self {
        // No network contains a line break.
        let subject = format!("{network}\n{}", username.folded());
        Self { purpose: "login-account-address", subject }
    }
}

/// The network of a client: an IPv4 address, or the /64 of an IPv6 address. An IPv4-mapped address
/// is the IPv4 address. A site with a shorter prefix has several networks.
pub fn network_of(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

/// A conditional write to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitWrite {
    /// The stored times for which the write happens.
    pub condition: LimitCondition,
    /// The new time.
    pub time: LimitTime,
    /// When the item may be deleted.
    pub expires_at: Timestamp,
}

impl LimitWrite {
    /// What a store does with a bucket of the time `found`: the new time, or `None` if the condition
    /// fails.
    pub fn apply(&self, found: Option<Timestamp>) -> Option<Timestamp> {
        let is_met = match self.condition {
            LimitCondition::UpTo(latest) => found.is_none_or(|found| found <= latest),
            LimitCondition::Between(earliest, latest) => {
                found.is_some_and(|found| found > earliest && found <= latest)
            }
            LimitCondition::After(earliest) => found.is_some_and(|found| found > earliest),
        };
        let time = match self.time {
            LimitTime::At(time) => Some(time),
            LimitTime::Later(by) => found.map(|found| found + by),
        };
        time.filter(|_| is_met)
    }
}

/// The stored times for which a write happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitCondition {
    /// No item, or a time up to this one.
    UpTo(Timestamp),
    /// A time after the first and up to the second one.
    Between(Timestamp, Timestamp),
    /// A time after this one.
    After(Timestamp),
}

/// The new time of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitTime {
    /// This time.
    At(Timestamp),
    /// The stored time plus this many whole seconds.
    Later(Duration),
}

/// The outcome of a conditional write to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitOutcome {
    /// The bucket is written. A retry after a lost reply may write it twice, which only counts one
    /// attempt too many.
    Written,
    /// The condition failed. Carries the stored time; `None` if there is no item.
    Unchanged(Option<Timestamp>),
    /// The store throttles this bucket.
    Throttled,
}

/// `dynamodb:UpdateItem` on the limits table.
pub trait UpdateLimit {
    /// Writes to the bucket `key` if its stored time meets the condition.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the bucket may have been written or not.
    fn update_limit(
        &self,
        key: &LimitKey,
        write: &LimitWrite,
    ) -> impl Future<Output = Result<LimitOutcome, StoreError>> + Send;
}

/// `dynamodb:DeleteItem` on the limits table.
pub trait ClearLimit {
    /// Removes the bucket `key`, so that it is empty.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the bucket may have been removed or not.
    fn clear_limit(&self, key: &LimitKey) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Whether an attempt is within its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The attempt is charged and may go on.
    Allowed,
    /// The attempt is refused. Another one is allowed from this time on.
    Refused(Timestamp),
}

/// The next step of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitStep {
    /// Write; the attempt is allowed if the write succeeds.
    Charge(LimitWrite),
    /// Replace a stored time beyond the limit's reach, which a wrong clock wrote, by that of a full
    /// bucket, and refuse.
    Repair(LimitWrite),
    /// Refuse until this time.
    Refuse(Timestamp),
}

impl AttemptLimit {
    /// How far ahead the stored time may lie for an attempt to be allowed.
    fn tolerance(self) -> Duration {
        self.interval * (self.burst - 1)
    }

    /// The stored time of a bucket that has just become full.
    fn full_at(self, now: Timestamp) -> Timestamp {
        now + self.tolerance() + self.interval
    }

    /// The first step: most buckets are empty.
    pub fn first_step(self, now: Timestamp) -> LimitStep {
        LimitStep::Charge(LimitWrite {
            condition: LimitCondition::UpTo(now),
            time: LimitTime::At(now + self.interval),
            expires_at: self.full_at(now) + CLOCK_TOLERANCE,
        })
    }

    /// The step after a write whose condition failed on the stored time `found`.
    pub fn next_step(self, found: Timestamp, now: Timestamp) -> LimitStep {
        let latest = now + self.tolerance();
        let full = self.full_at(now);
        let expires_at = full + CLOCK_TOLERANCE;
        if found <= now {
            self.first_step(now)
        } else if found <= latest {
            LimitStep::Charge(LimitWrite {
                condition: LimitCondition::Between(now, latest),
                time: LimitTime::Later(self.interval),
                expires_at,
            })
        } else if found <= full + CLOCK_TOLERANCE {
            LimitStep::Refuse(now + found.since(latest))
        } else {
            LimitStep::Repair(LimitWrite {
                condition: LimitCondition::After(full + CLOCK_TOLERANCE),
                time: LimitTime::At(full),
                expires_at,
            })
        }
    }
}

/// Charges one attempt to the bucket `key`.
///
/// A quiet bucket takes one write, a bucket in use two. Concurrent attempts never get more than the
/// limit allows. An attempt that loses its race is refused until the time that is then stored allows
/// one; an attempt whose bucket could not be written is refused for a second.
///
/// # Errors
/// As [`UpdateLimit::update_limit`]; the attempt may have been charged.
pub async fn charge(
    store: &impl UpdateLimit,
    key: &LimitKey,
    limit: AttemptLimit,
    now: Timestamp,
) -> Result<Charge, StoreError> {
    let mut step = limit.first_step(now);
    for _ in 0..MAX_WRITES {
        let (write, written) = match step {
            LimitStep::Charge(write) => (write, Charge::Allowed),
            LimitStep::Repair(write) => (write, Charge::Refused(now + limit.interval)),
            LimitStep::Refuse(until) => return Ok(Charge::Refused(until)),
        };
        match store.update_limit(key, &write).await? {
            LimitOutcome::Written => return Ok(written),
            LimitOutcome::Throttled | LimitOutcome::Unchanged(None) => break,
            LimitOutcome::Unchanged(Some(found)) => step = limit.next_step(found, now),
        }
    }
    match step {
        LimitStep::Refuse(until) => Ok(Charge::Refused(until)),
        LimitStep::Charge(_) | LimitStep::Repair(_) => Ok(Charge::Refused(now + RETRY_PAUSE)),
    }
}
