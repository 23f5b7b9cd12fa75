//! Any history of a key ring: no key is lost that a live token needs.
#![cfg(test)]

mod fixtures;

use std::time::Duration;

use fixtures::{NOW, POLICY, current, generate, new_key};
use latchkey_keys::{KeyRing, MAX_STALE_AGE, PublicRing};
use proptest::prelude::*;

/// What may happen to a ring.
#[derive(Clone, Debug)]
enum Event {
    Maintain,
    Rotate { force: bool },
    RetireCurrent,
    RetireOldest,
    Reset { discard: bool },
}

fn events() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let event = prop_oneof![
        4 => Just(Event::Maintain),
        2 => any::<bool>().prop_map(|force| Event::Rotate { force }),
        1 => Just(Event::RetireCurrent),
        1 => Just(Event::RetireOldest),
        1 => any::<bool>().prop_map(|discard| Event::Reset { discard }),
    ];
    prop::collection::vec((event, 0..40 * 86_400_u64), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At each moment a token of every key that has signed and was not retired is verified until it
    /// has expired, in any history.
    #[test]
    fn no_history_loses_a_key_that_a_live_token_needs(history in events()) {
        let mut ring = KeyRing::first(new_key(), NOW);
        let (mut now, mut live) = (NOW, Vec::new());
        // The longest token of a process that signs with a stale ring.
        let life = POLICY.retention.saturating_sub(MAX_STALE_AGE);
        for (event, seconds) in history {
            live.push((current(&ring), now + MAX_STALE_AGE + life));
            now = now + Duration::from_secs(seconds);
            live.push((current(&ring), now + MAX_STALE_AGE + life));
            let mut gone = Vec::new();
            match event {
                Event::Maintain => ring.maintain(&POLICY, now, &mut generate).unwrap(),
                Event::Rotate { force } => {
                    ring.add_next(now, &mut generate).unwrap();
                    ring.rotate(POLICY.retention, force, now).ok();
                }
                Event::RetireCurrent => {
                    gone.push(current(&ring));
                    ring.retire(&gone[0], now, &mut generate).unwrap();
                }
                Event::RetireOldest => {
                    gone.push(ring.public().keys.last().unwrap().jwk.kid.clone());
                    ring.retire(&gone[0], now, &mut generate).unwrap();
                }
                Event::Reset { discard } => {
                    let old = ring.public().clone();
                    if discard {
                        gone.extend(old.keys.iter().map(|key| key.jwk.kid.clone()));
                    }
                    ring = KeyRing::reset(old, new_key(), discard, POLICY.retention, now);
                }
            }
            live.retain(|(kid, _)| !gone.contains(kid));
            for kid in gone {
                prop_assert!(ring.public().find(&kid).is_none());
            }
            let text = ring.public().to_json();
            prop_assert_eq!(&PublicRing::parse(&text).unwrap(), ring.public());
            for (kid, until) in &live {
                let key = ring.public().find(kid);
                let verifies = key.is_some_and(|key| key.until.is_none_or(|end| end >= *until));
                prop_assert!(verifies || *until <= now, "{kid} is lost: {ring:?}");
            }
        }
    }
}
