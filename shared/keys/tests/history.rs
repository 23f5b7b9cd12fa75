//! Random histories of a key ring keep all keys that live tokens need.
#![cfg(test)]

mod fixtures;

use std::time::Duration;

use fixtures::{NOW, POLICY, current, generate, new_key};
use latchkey_keys::{KeyRing, MAX_STALE_AGE, PublicRing};
use proptest::prelude::*;

/// A change of a ring.
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

    /// A token of a key that has signed verifies until it expires, unless the key is retired.
    #[test]
    fn no_history_loses_a_key_that_a_live_token_needs(history in events()) {
        let mut ring = KeyRing::first(new_key(), NOW);
        let (mut now, mut live) = (NOW, Vec::new());
        // The longest lifetime of a token.
        let lifetime = POLICY.retention.saturating_sub(MAX_STALE_AGE);
        for (event, seconds) in history {
            live.push((current(&ring), now + MAX_STALE_AGE + lifetime));
            now = now + Duration::from_secs(seconds);
            live.push((current(&ring), now + MAX_STALE_AGE + lifetime));
            let mut retired = Vec::new();
            match event {
                Event::Maintain => ring.maintain(&POLICY, now, &mut generate).unwrap(),
                Event::Rotate { force } => {
                    ring.add_next(now, &mut generate).unwrap();
                    ring.rotate(POLICY.retention, force, now).ok();
                }
                Event::RetireCurrent => {
                    retired.push(current(&ring));
                    ring.retire(&retired[0], now, &mut generate).unwrap();
                }
                Event::RetireOldest => {
                    retired.push(ring.public().keys.last().unwrap().jwk.kid.clone());
                    ring.retire(&retired[0], now, &mut generate).unwrap();
                }
                Event::Reset { discard } => {
                    let old = ring.public().clone();
                    if discard {
                        retired.extend(old.keys.iter().map(|key| key.jwk.kid.clone()));
                    }
                    ring = KeyRing::reset(old, new_key(), discard, POLICY.retention, now);
                }
            }
            live.retain(|(kid, _)| !retired.contains(kid));
            for kid in retired {
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
