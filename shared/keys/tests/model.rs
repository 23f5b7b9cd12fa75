//! A model of rotations, retirements, tokens and cached rings, checked over all interleavings.
//!
//! The model uses the rules of this crate. Time passes in steps of 30 min, so a usable cache is at
//! most two steps old, which is the limit in an outage.
#![cfg(test)]

use std::{
    hash::{Hash, Hasher},
    sync::OnceLock,
    time::Duration,
};

use latchkey_keys::{KeyPolicy, KeyRing, KeyState, MAX_STALE_AGE, NewKey, PublicRing, RingError};
use latchkey_token::{Algorithm, Timestamp};
use stateright::{Checker as _, Model, Property};

const STEP: Duration = Duration::from_mins(30);
const LIFETIME: Duration = Duration::from_hours(1);
const POLICY: KeyPolicy = KeyPolicy {
    algorithm: Algorithm::Es256,
    period: Duration::from_hours(2),
    retention: Duration::from_hours(2),
};
const HORIZON: u64 = 8;
const MAX_KEYS: usize = 3;

/// The key that the model generates as this `number`.
fn key(number: usize) -> NewKey {
    static KEYS: OnceLock<Vec<NewKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        (0..MAX_KEYS + 3).map(|_| NewKey::generate(Algorithm::Es256).unwrap()).collect()
    });
    keys[number].clone()
}

const fn at(step: u64) -> Timestamp {
    Timestamp::from_unix(step * STEP.as_secs())
}

/// A ring, compared by its public keys.
#[derive(Clone, Debug)]
struct Ring(KeyRing);

impl PartialEq for Ring {
    fn eq(&self, other: &Self) -> bool {
        self.0.public() == other.0.public()
    }
}

impl Eq for Ring {}

impl Hash for Ring {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for key in &self.0.public().keys {
            (&key.jwk.kid, key.since, key.until).hash(state);
        }
    }
}

/// A function's cached ring. In the worst case it was fetched just before the ring changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cache {
    ring: Ring,
    stale_since: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Token {
    kid: String,
    expires_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    step: u64,
    ring: Ring,
    generated: usize,
    signer: Cache,
    verifier: Cache,
    /// The ring that a writer has read before its write.
    writer: Option<Ring>,
    token: Option<Token>,
    retired: Option<(String, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Pass,
    FetchBySigner,
    FetchByVerifier,
    Issue,
    Read,
    Maintain,
    Rotate,
    RetireCurrent,
}

impl State {
    fn public(&self) -> &PublicRing {
        self.ring.0.public()
    }

    fn is_usable(&self, cache: &Cache) -> bool {
        let is_within = |since| at(self.step).since(at(since)) < MAX_STALE_AGE;
        cache.stale_since.is_none_or(is_within)
    }

    /// Whether a verifier with this cache accepts a token of the key. It fetches unknown keys.
    fn accepts(&self, cache: &Cache, kid: &str) -> bool {
        let known = cache.ring.0.public().find(kid).or_else(|| self.public().find(kid));
        known.is_some_and(|key| key.until.is_none_or(|until| at(self.step) < until))
    }

    /// Applies a change to the ring that the writer has read. The write fails if the stored ring
    /// has changed since.
    fn write(&mut self, change: &Action) -> Option<()> {
        let read = self.writer.take()?;
        let mut ring = read.0.clone();
        let (now, mut generated) = (at(self.step), self.generated);
        let generate = &mut || {
            generated += 1;
            Ok::<_, RingError>(key(generated))
        };
        let current = ring.public().in_state(KeyState::Current)?.jwk.kid.clone();
        match change {
            Action::Maintain => ring.maintain(&POLICY, now, generate).ok()?,
            Action::Rotate => {
                ring.add_next(now, generate).ok()?;
                ring.rotate(POLICY.retention, false, now).ok()?;
            }
            Action::RetireCurrent => ring.retire(&current, now, generate).ok()?,
            Action::Pass
            | Action::FetchBySigner
            | Action::FetchByVerifier
            | Action::Issue
            | Action::Read => return None,
        }
        if read != self.ring || ring.public() == self.public() {
            return None;
        }
        if *change == Action::RetireCurrent {
            self.retired = Some((current, self.step));
        }
        self.ring = Ring(ring);
        for cache in [&mut self.signer, &mut self.verifier] {
            cache.stale_since = cache.stale_since.or(Some(self.step));
        }
        self.generated = generated;
        Some(())
    }
}

struct KeyModel;

impl Model for KeyModel {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let ring = Ring(KeyRing::first(key(0), at(0)));
        let cache = Cache { ring: ring.clone(), stale_since: None };
        vec![State {
            step: 0,
            ring,
            generated: 0,
            signer: cache.clone(),
            verifier: cache,
            writer: None,
            token: None,
            retired: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.step < HORIZON {
            actions.push(Action::Pass);
        }
        if state.signer.stale_since.is_some() {
            actions.push(Action::FetchBySigner);
        }
        if state.verifier.stale_since.is_some() {
            actions.push(Action::FetchByVerifier);
        }
        if state.is_usable(&state.signer) {
            actions.push(Action::Issue);
        }
        if state.generated < MAX_KEYS {
            actions.push(Action::Read);
            if state.writer.is_some() {
                actions.extend([Action::Maintain, Action::Rotate]);
                if state.retired.is_none() {
                    actions.push(Action::RetireCurrent);
                }
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        let fetched = || Cache { ring: before.ring.clone(), stale_since: None };
        match action {
            Action::Pass => state.step += 1,
            Action::FetchBySigner => state.signer = fetched(),
            Action::FetchByVerifier => state.verifier = fetched(),
            Action::Issue => {
                let signing = state.signer.ring.0.public().in_state(KeyState::Current)?;
                let kid = signing.jwk.kid.clone();
                state.token = Some(Token { kid, expires_at: at(state.step) + LIFETIME });
            }
            Action::Read => {
                state.writer = Some(state.ring.clone());
            }
            Action::Maintain | Action::Rotate | Action::RetireCurrent => state.write(&action)?,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "a live token of a key that is not retired is accepted",
                |_, state: &State| {
                    let Some(token) = &state.token else { return true };
                    let is_retired =
                        state.retired.as_ref().is_some_and(|(kid, _)| *kid == token.kid);
                    let is_expired = token.expires_at <= at(state.step);
                    let accepts = || state.accepts(&state.verifier, &token.kid);
                    is_retired || is_expired || !state.is_usable(&state.verifier) || accepts()
                },
            ),
            Property::always(
                "no cache accepts a retired key after the maximum age",
                |_, state: &State| {
                    let Some((kid, since)) = &state.retired else { return true };
                    let is_too_old = at(state.step).since(at(*since)) >= MAX_STALE_AGE;
                    let knows = state.verifier.ring.0.public().find(kid).is_some();
                    !is_too_old || !state.is_usable(&state.verifier) || !knows
                },
            ),
            Property::always("a retired key never comes back", |_, state: &State| {
                state.retired.as_ref().is_none_or(|(kid, _)| state.public().find(kid).is_none())
            }),
            Property::sometimes(
                "a stale signer's token outlives a rotation",
                |_, state: &State| {
                    let Some(token) = &state.token else { return false };
                    let key = state.public().find(&token.kid);
                    key.is_some_and(|key| key.state == KeyState::Previous)
                        && at(state.step) < token.expires_at
                },
            ),
            Property::sometimes("a key is retired after a rotation", |_, state: &State| {
                state.retired.is_some() && state.generated >= 3
            }),
        ]
    }
}

#[test]
fn no_interleaving_refuses_a_good_token_or_brings_a_retired_key_back() {
    let checker = KeyModel.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 10_000, "{}", checker.unique_state_count());
}
