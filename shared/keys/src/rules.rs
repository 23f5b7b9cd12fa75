//! How a ring changes. Rules do no I/O and take the time as an argument.

use std::{collections::BTreeMap, mem, time::Duration};

use latchkey_token::{Algorithm, Timestamp};

use crate::{
    KeyRing, KeyState, NewKey, PublicRing, RetiredKey, RingError, RingKey, ring::PrivateHalf,
};

/// How long a next key is public before it signs. API Gateway's own JWT authorizer caches a key
/// set for two hours.
pub const MIN_PUBLIC_TIME: Duration = Duration::from_hours(2);

/// The most previous keys. An RSA key takes half a kilobyte, and every verifier reads them all.
pub const MAX_PREVIOUS: usize = 50;

/// How new keys are made, and when keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// What new keys are for. A change signs after the second rotation, because the next key is
    /// already public.
    pub algorithm: Algorithm,
    /// How long a key signs.
    pub period: Duration,
    /// How long a replaced key verifies: the longest life of a token, the leeway, and
    /// [`MAX_STALE_AGE`](crate::MAX_STALE_AGE).
    pub retention: Duration,
}

impl KeyPolicy {
    /// Generates a key as the policy has it.
    ///
    /// # Errors
    /// As [`NewKey::generate`].
    pub fn generate(&self) -> Result<NewKey, RingError> {
        Ok(NewKey::generate(self.algorithm)?)
    }
}

/// Makes a new key when a rule needs one.
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
    /// [`RingError::Key`] when no key can be generated.
    pub fn add_next(&mut self, now: Timestamp, generate: Generate<'_>) -> Result<(), RingError> {
        if self.public.in_state(KeyState::Next).is_none() {
            self.insert(generate()?, KeyState::Next, now);
        }
        Ok(())
    }

    /// Whether the current key has signed for its period, and the next one may take its place.
    pub fn is_due(&self, period: Duration, now: Timestamp) -> bool {
        let age = |state| self.public.in_state(state).map(|key| now.since(key.since));
        age(KeyState::Current) >= Some(period) && age(KeyState::Next) >= Some(MIN_PUBLIC_TIME)
    }

    /// Makes the next key the current one. The replaced key verifies for `retention` from now.
    ///
    /// # Errors
    /// [`RingError::NoNextKey`]; [`RingError::NextTooNew`] unless `force`;
    /// [`RingError::TooManyPrevious`]. The ring is then unchanged.
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

    /// Takes a key out of the ring. If it is the current key, the next key signs at once; if there
    /// is no next key, a new key does. Then a next key is published. A key that is retired already
    /// changes nothing.
    ///
    /// # Errors
    /// [`RingError::UnknownKey`], and [`RingError::Key`] when no key can be generated.
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

    /// Drops previous keys whose tokens have all expired, and what is known of retired keys whose
    /// tokens would have.
    pub fn drop_expired(&mut self, retention: Duration, now: Timestamp) {
        self.public.keys.retain(|key| key.until.is_none_or(|until| now < until));
        self.public.retired.retain(|key| now < key.at + retention);
    }

    /// Counts a moment that lies in the future as now. A writer whose clock was ahead wrote it, and
    /// rotations would wait for it.
    pub fn correct_future(&mut self, now: Timestamp) {
        for key in &mut self.public.keys {
            key.since = key.since.min(now);
        }
    }

    /// Does all that is due: the daily step.
    ///
    /// # Errors
    /// [`RingError::Key`] when no key can be generated.
    pub fn maintain(
        &mut self,
        policy: &KeyPolicy,
        now: Timestamp,
        generate: Generate<'_>,
    ) -> Result<(), RingError> {
        self.correct_future(now);
        self.drop_expired(policy.retention, now);
        if self.is_due(policy.period, now) {
            // A full ring rotates again when a previous key has expired.
            self.rotate(policy.retention, false, now).ok();
        }
        self.add_next(now, generate)
    }

    /// A ring whose private halves are lost, with a new key that signs at once. The key that signed
    /// until now becomes a previous one; `discard` retires all old keys instead.
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
        // A next key has signed nothing.
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

    /// Current, next, previous from the newest to the oldest. Sorting is stable.
    fn sort(&mut self) {
        self.public.keys.sort_by(|a, b| a.state.cmp(&b.state).then(b.since.cmp(&a.since)));
    }
}
