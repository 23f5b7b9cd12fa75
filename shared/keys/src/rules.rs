//! The rules by which a ring changes. They do no I/O and take the time as an argument.

use std::{collections::BTreeMap, mem, time::Duration};

use latchkey_token::{Algorithm, Timestamp};

use crate::{
    KeyRing, KeyState, NewKey, PublicRing, RetiredKey, RingError, RingKey, ring::PrivateHalf,
};

/// How long a next key must be public before it signs: 2 hours, because API Gateway's JWT
/// authorizer caches a key set for 2 hours.
pub const MIN_PUBLIC_TIME: Duration = Duration::from_hours(2);

/// Maximum number of previous keys. An RSA key takes half a kilobyte, and every verifier reads all
/// keys.
pub const MAX_PREVIOUS: usize = 50;

/// The algorithm of new keys, and when keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// The algorithm of new keys. A change takes two rotations, because the next key is already
    /// published.
    pub algorithm: Algorithm,
    /// How long a key signs before it is rotated.
    pub period: Duration,
    /// How long a previous key verifies: the longest token lifetime plus the leeway plus
    /// [`MAX_STALE_AGE`](crate::MAX_STALE_AGE).
    pub retention: Duration,
}

impl KeyPolicy {
    /// Generates a key for the algorithm of the policy.
    ///
    /// # Errors
    /// As [`NewKey::generate`].
    pub fn generate(&self) -> Result<NewKey, RingError> {
        Ok(NewKey::generate(self.algorithm)?)
    }
}

/// Generates a key when a rule needs one.
type Generate<'a> = &'a mut dyn FnMut() -> Result<NewKey, RingError>;

impl KeyRing {
    /// A ring of one key, which signs at once.
    pub fn first(key: NewKey, now: Timestamp) -> Self {
        let mut ring = Self { public: PublicRing::default(), private: BTreeMap::new() };
        ring.insert(key, KeyState::Current, now);
        ring
    }

    /// Publishes a next key, unless the ring has one.
    ///
    /// # Errors
    /// [`RingError::Key`] if no key can be generated.
    pub fn add_next(&mut self, now: Timestamp, generate: Generate<'_>) -> Result<(), RingError> {
        if self.public.in_state(KeyState::Next).is_none() {
            self.insert(generate()?, KeyState::Next, now);
        }
        Ok(())
    }

    /// Whether a rotation is due: the current key has signed for `period` and the next key has been
    /// public for [`MIN_PUBLIC_TIME`].
    pub fn is_due(&self, period: Duration, now: Timestamp) -> bool {
        let age = |state| self.public.in_state(state).map(|key| now.since(key.since));
        age(KeyState::Current) >= Some(period) && age(KeyState::Next) >= Some(MIN_PUBLIC_TIME)
    }

    /// Promotes the next key to current. The old current key becomes previous and verifies for
    /// `retention` from `now`.
    ///
    /// # Errors
    /// [`RingError::NoNextKey`]; [`RingError::NextTooNew`] unless `force`;
    /// [`RingError::TooManyPrevious`]. An error leaves the ring unchanged.
    pub fn rotate(
        &mut self,
        retention: Duration,
        force: bool,
        now: Timestamp,
    ) -> Result<(), RingError> {
        let next = self.public.in_state(KeyState::Next).ok_or(RingError::NoNextKey)?;
        let public_for = now.since(next.since);
        if !force && public_for < MIN_PUBLIC_TIME {
            let (kid, missing) = (next.jwk.kid.clone(), MIN_PUBLIC_TIME.saturating_sub(public_for));
            return Err(RingError::NextTooNew { kid, public_for, missing });
        }
        let is_previous = |key: &&RingKey| key.state == KeyState::Previous;
        if self.public.keys.iter().filter(is_previous).count() >= MAX_PREVIOUS {
            return Err(RingError::TooManyPrevious);
        }
        self.replace_current(retention, now);
        self.promote_next(now);
        Ok(())
    }

    /// Retires a key: removes it from the ring. When the current key is retired, the
    /// next key signs at once; without a next key, a new key does. Then publishes a next key. Retiring a key twice changes nothing.
    ///
    /// # Errors
    /// [`RingError::UnknownKey`]; [`RingError::Key`] if no key can be generated.
    pub fn retire(
        &mut self,
        kid: &str,
        now: Timestamp,
        generate: Generate<'_>,
    ) -> Result<(), RingError> {
        if self.public.retired.iter().any(|retired| retired.kid == kid) {
            return Ok(());
        }
        if self.public.find(kid).is_none() {
            return Err(RingError::UnknownKey(kid.to_owned()));
        }
        self.public.keys.retain(|key| key.jwk.kid != kid);
        self.private.remove(kid);
        self.public.retired.push(RetiredKey { kid: kid.to_owned(), at: now });
        if self.public.in_state(KeyState::Current).is_none() {
            self.add_next(now, &mut *generate)?;
            self.promote_next(now);
        }
        self.add_next(now, generate)
    }

    /// Removes previous keys whose tokens have all expired, and forgets retired keys whose tokens
    /// would have expired.
    pub fn drop_expired(&mut self, retention: Duration, now: Timestamp) {
        self.public.keys.retain(|key| key.until.is_none_or(|until| now < until));
        self.public.retired.retain(|key| now < key.at + retention);
    }

    /// Sets times in the future to `now`. A writer whose clock was ahead wrote them, and rotations
    /// would wait for them.
    pub fn correct_future(&mut self, now: Timestamp) {
        for key in &mut self.public.keys {
            key.since = key.since.min(now);
        }
    }

    /// Does all maintenance that is due: removes expired keys, rotates, publishes a next key. Runs
    /// daily.
    ///
    /// # Errors
    /// [`RingError::Key`] if no key can be generated.
    pub fn maintain(
        &mut self,
        policy: &KeyPolicy,
        now: Timestamp,
        generate: Generate<'_>,
    ) -> Result<(), RingError> {
        self.correct_future(now);
        self.drop_expired(policy.retention, now);
        if self.is_due(policy.period, now) {
            // A full ring rotates on a later day, when a previous key has expired.
            self.rotate(policy.retention, false, now).ok();
        }
        self.add_next(now, generate)
    }

    /// Replaces a ring whose private halves are lost by one with the new `key`, which signs at
    /// once. The old current key becomes previous; `discard` retires all old keys instead.
    pub fn reset(
        old: PublicRing,
        key: NewKey,
        discard: bool,
        retention: Duration,
        now: Timestamp,
    ) -> Self {
        let mut ring = Self { public: old, private: BTreeMap::new() };
        if discard {
            let old = mem::take(&mut ring.public.keys);
            let retired = old.into_iter().map(|key| RetiredKey { kid: key.jwk.kid, at: now });
            ring.public.retired.extend(retired);
        }
        // The next key has signed nothing, so it need not verify.
        ring.public.keys.retain(|key| key.state != KeyState::Next);
        ring.replace_current(retention, now);
        ring.insert(key, KeyState::Current, now);
        ring.drop_expired(retention, now);
        ring
    }

    fn insert(&mut self, key: NewKey, state: KeyState, now: Timestamp) {
        self.private.insert(key.kid().to_owned(), PrivateHalf::New(key.private.clone()));
        self.public.keys.push(key.into_ring_key(state, now));
        self.sort();
    }

    fn replace_current(&mut self, retention: Duration, now: Timestamp) {
        for key in &mut self.public.keys {
            if key.state == KeyState::Current {
                self.private.remove(&key.jwk.kid);
                key.state = KeyState::Previous;
                key.since = now;
                key.until = Some(now + retention);
            }
        }
    }

    fn promote_next(&mut self, now: Timestamp) {
        for key in &mut self.public.keys {
            if key.state == KeyState::Next {
                key.state = KeyState::Current;
                key.since = now;
            }
        }
        self.sort();
    }

    /// Sorts: current, next, previous from the newest to the oldest. The sort is stable.
    fn sort(&mut self) {
        self.public.keys.sort_by(|a, b| a.state.cmp(&b.state).then(b.since.cmp(&a.since)));
    }
}
