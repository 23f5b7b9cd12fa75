//! The rules of the key ring.
#![cfg(test)]

mod fixtures;

use std::time::Duration;

use fixtures::{NOW, POLICY, current, generate, new_key};
use latchkey_keys::{
    KeyPolicy, KeyRing, KeyState, MAX_PREVIOUS, MIN_PUBLIC_TIME, NewKey, PublicRing, RetiredKey,
    RingError,
};
use latchkey_token::{Algorithm, Timestamp};

const DAY: Duration = Duration::from_hours(24);

/// A ring of a current and a next key.
fn ring() -> KeyRing {
    let mut ring = KeyRing::first(new_key(), NOW);
    ring.add_next(NOW, &mut generate).unwrap();
    ring
}

fn kids(ring: &KeyRing, state: KeyState) -> Vec<String> {
    let keys = ring.public().keys.iter().filter(|key| key.state == state);
    keys.map(|key| key.jwk.kid.clone()).collect()
}

fn next(ring: &KeyRing) -> String {
    kids(ring, KeyState::Next).remove(0)
}

/// Forces a rotation, and adds a next key.
fn rotate(ring: &mut KeyRing, now: Timestamp) {
    ring.rotate(POLICY.retention, true, now).unwrap();
    ring.add_next(now, &mut generate).unwrap();
}

#[test]
fn the_first_ring_has_one_current_key() {
    let key = new_key();
    let ring = KeyRing::first(key.clone(), NOW);
    assert_eq!(ring.public().keys.len(), 1);
    assert_eq!(current(&ring), key.kid());
    assert_eq!(ring.public().keys[0].since, NOW);
}

#[test]
fn a_rotation_moves_each_key_to_its_next_state() {
    let mut ring = ring();
    let (first, second) = (current(&ring), next(&ring));
    let later = NOW + MIN_PUBLIC_TIME;
    ring.rotate(POLICY.retention, false, later).unwrap();
    assert_eq!(current(&ring), second);
    assert_eq!(kids(&ring, KeyState::Previous), [first]);
    assert!(kids(&ring, KeyState::Next).is_empty());
    let previous = ring.public().in_state(KeyState::Previous).unwrap();
    assert_eq!((previous.since, previous.until), (later, Some(later + POLICY.retention)));
    let error = ring.rotate(POLICY.retention, true, later).unwrap_err();
    assert!(matches!(error, RingError::NoNextKey), "{error}");
}

#[test]
fn a_next_key_can_sign_after_two_hours_or_by_force() {
    let mut ring = ring();
    let before = ring.public().clone();
    let early = NOW + MIN_PUBLIC_TIME.saturating_sub(Duration::from_secs(1));
    for (now, sentence) in [(NOW, "published 0 min ago"), (early, "rotate in 1 min")] {
        let error = ring.rotate(POLICY.retention, false, now).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(sentence) && message.contains("--force"), "{message}");
        assert_eq!(*ring.public(), before);
    }
    ring.rotate(POLICY.retention, true, NOW).unwrap();
    assert_eq!(current(&ring), before.in_state(KeyState::Next).unwrap().jwk.kid);
}

#[test]
fn maintenance_adds_a_missing_next_key_and_rotates_after_the_period() {
    let mut ring = KeyRing::first(new_key(), NOW);
    let first = current(&ring);
    let mut maintain = |now| {
        ring.maintain(&POLICY, now, &mut generate).unwrap();
        (current(&ring), next(&ring))
    };
    let (_, second) = maintain(NOW + DAY);
    for days in [2, 29] {
        assert_eq!(maintain(NOW + DAY * days), (first.clone(), second.clone()), "day {days}");
    }
    let (signing, third) = maintain(NOW + POLICY.period);
    assert_eq!(signing, second);
    assert_eq!(maintain(NOW + POLICY.period + DAY), (second.clone(), third.clone()));
    assert_eq!(kids(&ring, KeyState::Previous), [first]);
    ring.maintain(&POLICY, NOW + POLICY.period + POLICY.retention, &mut generate).unwrap();
    assert_eq!(current(&ring), third);
    assert_eq!(kids(&ring, KeyState::Previous), [second], "the first has expired");
}

#[test]
fn maintenance_waits_until_a_next_key_has_been_public_for_two_hours() {
    let mut ring = KeyRing::first(new_key(), NOW);
    let first = current(&ring);
    let late = NOW + POLICY.period + DAY;
    ring.maintain(&POLICY, late, &mut generate).unwrap();
    assert_eq!(current(&ring), first, "there was no next key");
    ring.maintain(
        &POLICY,
        late + MIN_PUBLIC_TIME.saturating_sub(Duration::from_secs(1)),
        &mut generate,
    )
    .unwrap();
    assert_eq!(current(&ring), first);
    ring.maintain(&POLICY, late + MIN_PUBLIC_TIME, &mut generate).unwrap();
    assert_ne!(current(&ring), first);
}

#[test]
fn a_time_in_the_future_does_not_delay_a_rotation() {
    let mut ring = ring();
    let first = current(&ring);
    rotate(&mut ring, NOW + DAY * 3650);
    let signing = current(&ring);
    assert_eq!(kids(&ring, KeyState::Previous), std::slice::from_ref(&first));
    ring.maintain(&POLICY, NOW + DAY, &mut generate).unwrap();
    assert_eq!(current(&ring), signing);
    ring.maintain(&POLICY, NOW + DAY + POLICY.period, &mut generate).unwrap();
    assert_ne!(current(&ring), signing);
    // The first key verifies for ten more years, which is harmless.
    assert!(kids(&ring, KeyState::Previous).contains(&first));
}

#[test]
fn a_rotation_beyond_50_previous_keys_is_refused_until_others_expire() {
    let mut ring = ring();
    for _ in 0..MAX_PREVIOUS {
        rotate(&mut ring, NOW);
    }
    let before = ring.public().clone();
    let error = ring.rotate(POLICY.retention, true, NOW).unwrap_err();
    assert!(matches!(error, RingError::TooManyPrevious), "{error}");
    ring.maintain(&POLICY, NOW + MIN_PUBLIC_TIME, &mut generate).unwrap();
    assert_eq!(*ring.public(), before, "maintenance does not rotate");
    ring.maintain(&POLICY, NOW + POLICY.retention, &mut generate).unwrap();
    assert_eq!(kids(&ring, KeyState::Previous).len(), 1);
}

#[test]
fn a_full_ring_of_the_largest_keys_fits_an_item() {
    let policy = KeyPolicy { algorithm: Algorithm::Rs256, ..POLICY };
    let (one, two) = (policy.generate().unwrap(), policy.generate().unwrap());
    let keys = [one.clone(), two];
    let mut ring = KeyRing::first(keys[0].clone(), NOW);
    ring.add_next(NOW, &mut || Ok(keys[1].clone())).unwrap();
    let bytes = ring.public().to_json().len() / 2 * (MAX_PREVIOUS + 2);
    assert!(bytes < 100 * 1024, "{bytes} of the 400 KiB of an item");
}

#[test]
fn retiring_the_current_key_makes_the_next_key_current() {
    let mut ring = ring();
    let (first, second) = (current(&ring), next(&ring));
    ring.retire(&first, NOW, &mut generate).unwrap();
    assert_eq!(current(&ring), second);
    assert!(![first.clone(), second].contains(&next(&ring)));
    assert!(ring.public().find(&first).is_none());
    assert_eq!(ring.public().retired, [RetiredKey { kid: first, at: NOW }]);
}

#[test]
fn retiring_the_only_key_generates_two_new_keys() {
    let mut ring = KeyRing::first(new_key(), NOW);
    let first = current(&ring);
    ring.retire(&first, NOW, &mut generate).unwrap();
    assert_eq!(ring.public().keys.len(), 2);
    assert!(ring.public().find(&first).is_none());
}

#[test]
fn retiring_another_key_does_not_change_the_current_key() {
    let mut ring = ring();
    rotate(&mut ring, NOW);
    let signing = current(&ring);
    for kid in [next(&ring), kids(&ring, KeyState::Previous).remove(0)] {
        ring.retire(&kid, NOW, &mut generate).unwrap();
        assert_eq!(current(&ring), signing);
        assert_eq!(kids(&ring, KeyState::Next).len(), 1);
        assert!(ring.public().find(&kid).is_none());
    }
}

#[test]
fn retiring_a_key_twice_changes_nothing_and_an_unknown_key_is_refused() {
    let mut ring = ring();
    let first = current(&ring);
    ring.retire(&first, NOW, &mut generate).unwrap();
    let before = ring.public().clone();
    ring.retire(&first, NOW + DAY, &mut generate).unwrap();
    assert_eq!(*ring.public(), before);
    let error = ring.retire("unknown", NOW, &mut generate).unwrap_err();
    assert!(matches!(error, RingError::UnknownKey(_)), "{error}");
    ring.drop_expired(POLICY.retention, NOW + POLICY.retention);
    assert!(ring.public().retired.is_empty(), "its last token would have expired");
}

#[test]
fn a_reset_keeps_keys_that_have_signed_and_signs_with_a_new_key() {
    let mut ring = ring();
    rotate(&mut ring, NOW);
    let (signed, unused) = (current(&ring), next(&ring));
    let previous = kids(&ring, KeyState::Previous);
    let old = ring.public().clone();
    let key = new_key();
    let later = NOW + DAY;
    let reset = KeyRing::reset(old.clone(), key.clone(), false, POLICY.retention, later);
    assert_eq!(current(&reset), key.kid());
    assert_eq!(kids(&reset, KeyState::Previous), [vec![signed.clone()], previous.clone()].concat());
    assert!(reset.public().find(&unused).is_none(), "it has signed nothing");
    let until = reset.public().find(&signed).unwrap().until;
    assert_eq!(until, Some(later + POLICY.retention));

    let reset = KeyRing::reset(old, key.clone(), true, POLICY.retention, later);
    assert_eq!(reset.public().keys.len(), 1);
    let retired: Vec<_> = reset.public().retired.iter().map(|key| key.kid.clone()).collect();
    assert_eq!(retired, [vec![signed, unused], previous].concat());
    let empty = KeyRing::reset(PublicRing::default(), key, false, POLICY.retention, later);
    assert_eq!(empty.public().keys.len(), 1);
}

#[test]
fn shared_secrets_cannot_be_in_a_ring() {
    for algorithm in Algorithm::ALL {
        assert_eq!(NewKey::generate(algorithm).is_ok(), algorithm.has_public_half());
    }
}

#[test]
fn debug_output_has_no_private_key() {
    let key = new_key();
    let ring = KeyRing::first(key.clone(), NOW);
    for printed in [format!("{key:?}"), format!("{ring:?}")] {
        assert!(!printed.contains("\"d\"") && !printed.contains("private"), "{printed}");
    }
}

#[test]
fn an_invalid_ring_is_refused() {
    let mut ring = ring();
    rotate(&mut ring, NOW);
    ring.retire(&kids(&ring, KeyState::Previous)[0], NOW, &mut generate).unwrap();
    rotate(&mut ring, NOW);
    let good = serde_json::json!(ring.public());
    assert_eq!(PublicRing::parse(&good.to_string()).unwrap(), *ring.public());
    let damage = |pointer: &str, value: serde_json::Value| {
        let mut ring = good.clone();
        *ring.pointer_mut(pointer).unwrap() = value;
        ring.to_string()
    };
    let whole = good.to_string();
    for (text, problem) in [
        (String::new(), "JSON"),
        ("{}".to_owned(), "JSON"),
        (whole[..whole.len() / 2].to_owned(), "JSON"),
        (damage("/keys", serde_json::json!([])), "one current key"),
        (damage("/keys/0/state", "next".into()), "one current key"),
        (damage("/keys/1/state", "current".into()), "one current key"),
        (damage("/keys/0/state", "other".into()), "JSON"),
        (damage("/keys/0/since", "now".into()), "JSON"),
        (damage("/keys/2/until", serde_json::Value::Null), "the wrong end"),
        (damage("/keys/1/kid", good["keys"][0]["kid"].clone()), "two keys have the id"),
        (damage("/keys/1/kid", good["retired"][0]["kid"].clone()), "is retired"),
        (damage("/keys/0/x", "AAAA".into()), "is not a valid key"),
        (damage("/keys/0/alg", "HS256".into()), "`alg`"),
        (damage("/keys/0/alg", "none".into()), "`alg`"),
        (damage("/keys/0/use", "enc".into()), "`use`"),
    ] {
        let error = PublicRing::parse(&text).unwrap_err();
        assert!(matches!(error, RingError::Invalid(_)), "{text}");
        assert!(error.to_string().contains(problem), "{error}: {text}");
    }
}
