//! Rings that rotate: which key signs, which ones verify, and for how long.
//! Longer than the rest because each rule stands beside what all of them add up to.
#![cfg(test)]

use std::{collections::BTreeSet, time::Duration};

use auth_testkit::subject::{JWK_SET, KID, NOW, grant, token_profile};
use auth_token::{
    Algorithm, Grant, Issuer, KeyError, KeyPolicy, KeyRing, KeyState, PresentedToken, PublishedKey,
    PublishedRing, SessionId, SigningKey, SigningRing, Timestamp, TokenError, TokenProfile, UserId,
    Verifier, VerifyingKeys,
};
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// The tokens of these tests live for an hour.
const POLICY: KeyPolicy =
    KeyPolicy { algorithm: Algorithm::Es256, retention: Duration::from_hours(1) };

/// How long after it was replaced a key still verifies: a day to finish the rotation, and an hour.
const KEPT_FOR: Duration = Duration::from_hours(25);

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn for_algorithm(algorithm: Algorithm) -> KeyPolicy {
    KeyPolicy { algorithm, ..POLICY }
}

fn first_ring() -> SigningRing {
    first_ring_for(Algorithm::Es256)
}

fn first_ring_for(algorithm: Algorithm) -> SigningRing {
    let nothing = PublishedRing::default();
    let ring = SigningRing::first(None, &nothing, for_algorithm(algorithm), NOW).unwrap();
    assert_sound(&ring);
    ring
}

#[track_caller]
fn rotated(ring: &SigningRing, version: &str, now: Timestamp) -> SigningRing {
    let ring = ring.clone().rotated(version, POLICY, now).unwrap();
    assert_sound(&ring);
    ring
}

#[track_caller]
fn without(ring: &SigningRing, kid: &str, now: Timestamp) -> SigningRing {
    let ring = ring.clone().without(kid, "retired", POLICY, now).unwrap().unwrap();
    assert_sound(&ring);
    ring
}

fn in_state(ring: &SigningRing, state: KeyState) -> Vec<PublishedKey> {
    ring.published().keys.into_iter().filter(|key| key.state == state).collect()
}

fn kids(ring: &SigningRing, state: KeyState) -> Vec<String> {
    in_state(ring, state).into_iter().map(|key| key.jwk.kid).collect()
}

fn current(ring: &SigningRing) -> String {
    kids(ring, KeyState::Current).remove(0)
}

fn next(ring: &SigningRing) -> String {
    kids(ring, KeyState::Next).remove(0)
}

fn previous(ring: &SigningRing) -> Vec<String> {
    kids(ring, KeyState::Previous)
}

/// A new private JWK.
fn private_jwk(algorithm: Algorithm) -> Value {
    let set = SigningKey::generate_jwk_set(algorithm).unwrap();
    serde_json::from_str::<Value>(set.expose_secret()).unwrap()["keys"][0].take()
}

fn parse(set: &Value) -> Result<Option<SigningRing>, KeyError> {
    SigningRing::parse(&SecretString::from(set.to_string()))
}

/// A ring as an operator brings it.
fn imported(keys: &[Value]) -> SigningRing {
    let ring = parse(&json!({ "keys": keys })).unwrap().unwrap();
    assert_sound(&ring);
    ring
}

fn secret(ring: &SigningRing) -> Value {
    serde_json::from_str(ring.to_secret().expose_secret()).unwrap()
}

/// Every private number of a set, with the name of its key.
fn private_numbers(set: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for key in set["keys"].as_array().unwrap() {
        let numbers = ["d", "p", "q", "dp", "dq", "qi", "k"].map(|member| key[member].as_str());
        let kid = key["kid"].as_str().unwrap();
        found.extend(
            numbers.into_iter().flatten().map(|number| (kid.to_owned(), number.to_owned())),
        );
    }
    found
}

/// What holds for every ring.
#[track_caller]
fn assert_sound(ring: &SigningRing) {
    let published = ring.published();
    let text = published.to_json();
    assert_eq!(PublishedRing::parse(&text).unwrap(), published, "what is written can be read");
    let verifying = VerifyingKeys::parse(&text).unwrap().public_jwk_set().keys;
    assert!(published.keys.iter().map(|key| &key.jwk).eq(&verifying), "and verifies whole");

    let states: Vec<_> = published.keys.iter().map(|key| key.state).collect();
    let count = |state| states.iter().filter(|found| **found == state).count();
    assert_eq!((states[0], count(KeyState::Current)), (KeyState::Current, 1), "one signs");
    assert!(count(KeyState::Next) <= 1, "{states:?}");
    let first_previous = states.len() - count(KeyState::Previous);
    assert!(states[first_previous..].iter().all(|state| *state == KeyState::Previous));
    let names: BTreeSet<_> = published.keys.iter().map(|key| &key.jwk.kid).collect();
    assert_eq!(names.len(), published.keys.len(), "no two keys have one name");

    let again = SigningRing::parse(&ring.to_secret()).unwrap().unwrap();
    assert_eq!(again.published(), published);
    assert_eq!(again.derived_from(), ring.derived_from());
    assert_eq!((again.made_at(), again.current_kid()), (ring.made_at(), ring.current_kid()));
    assert_eq!(secret(&again), secret(ring), "and is written the same again");
    ring.prove(&published).unwrap();

    let printed = format!("{ring:?}");
    for (kid, number) in private_numbers(&secret(ring)) {
        assert!(!text.contains(&number) && !printed.contains(&number), "{kid} shows");
        assert!(!previous(ring).contains(&kid), "{kid} signs no more");
    }
}

fn profile() -> TokenProfile {
    TokenProfile { access_lifetime: POLICY.retention, ..token_profile() }
}

fn verifier(published: &PublishedRing) -> Verifier {
    Verifier::new(published.verifying_keys().unwrap(), profile())
}

/// A token that the ring's current key signs at that moment.
struct Issued {
    kid: String,
    text: String,
    signed_at: Timestamp,
    expires_at: Timestamp,
}

impl Issued {
    fn by(ring: &SigningRing, now: Timestamp) -> Self {
        let keys = KeyRing::parse(&ring.to_secret()).unwrap();
        let (user, session) = (UserId::generate().unwrap(), SessionId::generate().unwrap());
        let session_expires_at = now + profile().access_lifetime;
        let grant = Grant { session_expires_at, auth_time: now, ..grant(&user, &session) };
        let issuer = Issuer::new(keys.into_signing_key(), profile());
        let token = issuer.access_token(&grant, true, now).unwrap();
        Self {
            kid: ring.current_kid().to_owned(),
            text: token.text.expose_secret().to_owned(),
            signed_at: now,
            expires_at: token.expires_at,
        }
    }

    fn verdict(&self, published: &PublishedRing, now: Timestamp) -> Result<(), TokenError> {
        self.verdict_of(&verifier(published), now)
    }

    fn verdict_of(&self, verifier: &Verifier, now: Timestamp) -> Result<(), TokenError> {
        verifier.access(PresentedToken::parse(&self.text).unwrap(), now).map(drop)
    }
}

#[test]
fn the_first_ring_has_a_key_that_signs_and_one_that_will() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256] {
        let ring = first_ring_for(algorithm);
        let keys = ring.published().keys;
        let states: Vec<_> = keys.iter().map(|key| (key.state, key.since, key.until)).collect();
        assert_eq!(
            states,
            [(KeyState::Current, Some(NOW), None), (KeyState::Next, Some(NOW), None)]
        );
        assert!(keys.iter().all(|key| key.jwk.alg == algorithm.name()), "{keys:?}");
        assert_eq!((ring.derived_from(), ring.made_at()), (None, Some(NOW)));
        assert_eq!(ring.current_kid(), keys[0].jwk.kid);
    }
    let nothing = PublishedRing::default();
    let ring = SigningRing::first(Some("v0"), &nothing, POLICY, NOW).unwrap();
    assert_eq!(ring.derived_from(), Some("v0"));
}

#[test]
fn a_rotation_moves_each_key_one_state_on() {
    let before = first_ring();
    let now = later(1_000);
    let after = rotated(&before, "v1", now);
    assert_eq!(current(&after), next(&before), "the one that verifiers know");
    assert_eq!(previous(&after), [current(&before)]);
    assert!(![current(&before), next(&before)].contains(&next(&after)), "a new one");
    assert_eq!((after.derived_from(), after.made_at()), (Some("v1"), Some(now)));
    let times: Vec<_> = after.published().keys.iter().map(|key| (key.since, key.until)).collect();
    assert_eq!(times, [(Some(now), None), (Some(now), None), (Some(now), Some(now + KEPT_FOR))]);
    assert_eq!(KEPT_FOR, POLICY.retention + KeyPolicy::LONGEST_ROTATION);
}

#[test]
fn rotations_in_quick_succession_keep_every_key_that_has_signed() {
    let mut ring = first_ring();
    let (mut signed, mut tokens) = (Vec::new(), Vec::new());
    for second in 0..5 {
        signed.insert(0, (current(&ring), Some(later(second) + KEPT_FOR)));
        tokens.push(Issued::by(&ring, later(second)));
        ring = rotated(&ring, "v", later(second));
    }
    let kept = in_state(&ring, KeyState::Previous).into_iter();
    let kept: Vec<_> = kept.map(|key| (key.jwk.kid, key.until)).collect();
    assert_eq!(kept, signed, "the newest first, each with its own time");
    for token in tokens {
        assert_eq!(token.verdict(&ring.published(), later(5)), Ok(()));
    }
}

#[test]
fn a_replaced_key_goes_with_the_first_ring_after_its_last_token() {
    let first = first_ring();
    let ring = rotated(&first, "v1", NOW);
    let replaced = current(&first);
    let expiry = NOW + KEPT_FOR;
    let just_before = Timestamp::from_unix(expiry.unix() - 1);
    assert!(previous(&rotated(&ring, "v2", just_before)).contains(&replaced));
    assert_eq!(previous(&rotated(&ring, "v2", expiry)), [current(&ring)]);
    assert_eq!(previous(&without(&ring, &next(&ring), just_before)), [replaced]);
    assert!(previous(&without(&ring, &next(&ring), expiry)).is_empty());
}

#[test]
fn a_replaced_key_verifies_nothing_after_its_last_token_although_it_is_still_there() {
    let first = first_ring();
    let ring = rotated(&first, "v1", NOW);
    let until = NOW + KEPT_FOR;
    let just_before = Timestamp::from_unix(until.unix() - 1);
    // Somebody has stolen the key, and signs as if it were still the current one.
    let forged = Issued::by(&first, just_before);
    let both = [verifier(&ring.published()), {
        let keys = KeyRing::parse(&ring.to_secret()).unwrap().verifying_keys();
        Verifier::new(keys, profile())
    }];
    for verifier in both {
        assert_eq!(forged.verdict_of(&verifier, just_before), Ok(()));
        for _ in 0..2 {
            assert_eq!(forged.verdict_of(&verifier, until), Err(TokenError::UnknownKey));
        }
        assert_eq!(Issued::by(&ring, until).verdict_of(&verifier, until), Ok(()));
    }
    let keys = ring.published().verifying_keys().unwrap();
    assert_eq!(keys.public_jwk_set_at(just_before).keys.len(), 3);
    let left = keys.public_jwk_set_at(until).keys;
    assert!(left.iter().all(|key| key.kid != current(&first)), "{left:?}");
}

#[test]
fn members_of_a_set_that_is_no_ring_mean_nothing_of_ours() {
    let mut key = private_jwk(Algorithm::Es256);
    (key["since"], key["until"]) = ("long ago".into(), 1.into());
    let ring = imported(&[key, private_jwk(Algorithm::EdDsa)]);
    assert!(ring.published().keys.iter().all(|key| (key.since, key.until) == (None, None)));
}

#[test]
fn the_fifty_first_replaced_key_is_refused_until_others_have_expired() {
    let mut ring = first_ring();
    for _ in 0..50 {
        ring = ring.rotated("v", POLICY, NOW).unwrap();
    }
    assert_sound(&ring);
    assert_eq!(previous(&ring).len(), 50);
    let refused = ring.clone().rotated("v", POLICY, NOW).unwrap_err();
    assert!(matches!(refused, KeyError::TooManyPrevious(50)), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "50 replaced keys still verify tokens, and no more are kept; wait for some to expire"
    );
    let lost = SigningRing::first(None, &ring.published(), POLICY, NOW).unwrap();
    assert_eq!(previous(&lost).len(), 51, "a lost ring costs nobody a session all the same");
    let retired = without(&ring, &current(&ring), NOW);
    assert_eq!(previous(&retired).len(), 50, "a key can be retired all the same");
    assert_eq!(previous(&rotated(&ring, "v", NOW + KEPT_FOR)), [current(&ring)]);
}

#[test]
fn a_secret_has_room_for_as_many_replaced_keys_as_are_kept() {
    let of_rsa = for_algorithm(Algorithm::Rs256);
    let one = first_ring_for(Algorithm::Rs256).published().keys.remove(0);
    let numbered = |number: u32| {
        let mut key = one.clone();
        key.jwk.kid = format!("{number:0>43}");
        key
    };
    let mut published = PublishedRing { keys: (0..50).map(numbered).collect() };
    for key in &mut published.keys {
        (key.state, key.until) = (KeyState::Previous, Some(NOW + KEPT_FOR));
    }
    let ring = SigningRing::first(Some(&"v".repeat(64)), &published, of_rsa, NOW).unwrap();
    assert_eq!(ring.published().keys.len(), 52);
    let length = ring.to_secret().expose_secret().len();
    assert!(length < 65_536, "{length} bytes are more than Secrets Manager keeps");
}

#[test]
fn the_private_half_of_a_replaced_key_is_nowhere() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let before = first_ring_for(algorithm);
        let replaced = private_numbers(&secret(&before)).into_iter();
        let replaced: Vec<_> = replaced.filter(|(kid, _)| *kid == current(&before)).collect();
        assert!(!replaced.is_empty());
        let after = before.rotated("v1", for_algorithm(algorithm), NOW).unwrap();
        assert_sound(&after);
        for (_, number) in replaced {
            assert!(!after.to_secret().expose_secret().contains(&number), "{}", algorithm.name());
        }
    }
}

#[test]
fn an_imported_key_goes_on_signing_through_its_first_rotation() {
    let ring = parse(&serde_json::from_str(JWK_SET).unwrap()).unwrap().unwrap();
    assert_sound(&ring);
    assert_eq!((ring.current_kid(), ring.published().keys.len()), (KID, 1));
    assert_eq!((ring.derived_from(), ring.made_at()), (None, None));
    let first = rotated(&ring, "v1", NOW);
    assert_eq!((first.current_kid(), previous(&first)), (KID, Vec::new()));
    assert_ne!(next(&first), KID, "what comes after it is made known");
    assert_eq!((first.derived_from(), first.made_at()), (Some("v1"), Some(NOW)));
    let second = rotated(&first, "v2", NOW);
    assert_eq!((current(&second), previous(&second)), (next(&first), vec![KID.to_owned()]));
}

#[test]
fn the_first_key_of_an_imported_set_signs_and_the_others_verify() {
    let [first, private] = [Algorithm::Es256, Algorithm::EdDsa].map(private_jwk);
    let mut public = private_jwk(Algorithm::Es256);
    public.as_object_mut().unwrap().remove("d");
    let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
    let ring = imported(&[first.clone(), private.clone(), public.clone()]);
    let others = [kid(&private), kid(&public)];
    assert_eq!((current(&ring), previous(&ring)), (kid(&first), others.to_vec()));
    assert!(kids(&ring, KeyState::Next).is_empty());
    let its_private_half = private["d"].as_str().unwrap();
    assert!(!ring.to_secret().expose_secret().contains(its_private_half));

    // Nobody has said for how long, so that their time begins with the first rotation.
    assert!(ring.published().keys.iter().all(|key| key.until.is_none()));
    let after = rotated(&ring, "v1", NOW);
    assert_eq!((current(&after), previous(&after)), (kid(&first), others.to_vec()));
    let until: Vec<_> =
        in_state(&after, KeyState::Previous).into_iter().map(|key| key.until).collect();
    assert_eq!(until, [Some(NOW + KEPT_FOR); 2]);
    let again = rotated(&after, "v2", later(60));
    assert_eq!(in_state(&again, KeyState::Previous)[1..], in_state(&after, KeyState::Previous));
}

#[test]
fn the_published_keys_of_a_lost_ring_go_on_verifying_but_for_the_one_that_never_signed() {
    let older = first_ring();
    let lost = rotated(&older, "v1", later(10));
    let tokens = [Issued::by(&older, later(10)), Issued::by(&lost, later(20))];
    let ring = SigningRing::first(Some("v2"), &lost.published(), POLICY, later(30)).unwrap();
    assert_sound(&ring);
    assert_eq!(ring.derived_from(), Some("v2"));
    assert_eq!(previous(&ring), [current(&lost), current(&older)]);
    let until: Vec<_> =
        in_state(&ring, KeyState::Previous).into_iter().map(|key| key.until).collect();
    assert_eq!(until, [Some(later(30) + KEPT_FOR), Some(later(10) + KEPT_FOR)]);
    for token in tokens {
        assert_eq!(token.verdict(&ring.published(), later(30)), Ok(()));
    }
    assert!(!ring.published().to_json().contains(&next(&lost)));
    let much_later = SigningRing::first(None, &lost.published(), POLICY, later(10) + KEPT_FOR);
    assert_eq!(previous(&much_later.unwrap()), [current(&lost)], "the other has expired");
}

#[test]
fn in_place_of_a_retired_current_key_the_next_one_signs_at_once() {
    let ring = rotated(&first_ring(), "v1", NOW);
    let token = Issued::by(&ring, NOW);
    let after = without(&ring, &current(&ring), later(60));
    assert_eq!((current(&after), previous(&after)), (next(&ring), previous(&ring)));
    assert!(!ring.published().to_json().contains(&next(&after)), "a new one");
    assert_eq!(after.derived_from(), Some("retired"));
    assert_eq!(after.published().keys[0].since, Some(later(60)));
    assert_eq!(token.verdict(&after.published(), later(60)), Err(TokenError::UnknownKey));
    let by_next = Issued::by(&after, later(60));
    assert_eq!(by_next.verdict(&ring.published(), later(60)), Ok(()), "who knew the old ring");
}

#[test]
fn a_retired_next_or_previous_key_changes_nothing_for_the_others() {
    let ring = rotated(&rotated(&first_ring(), "v1", NOW), "v2", NOW);
    let after = without(&ring, &next(&ring), later(60));
    assert_eq!((current(&after), previous(&after)), (current(&ring), previous(&ring)));
    assert_ne!(next(&after), next(&ring));
    let [newer, older]: [String; 2] = previous(&ring).try_into().unwrap();
    let after = without(&ring, &newer, later(60));
    assert_eq!((current(&after), next(&after)), (current(&ring), next(&ring)));
    assert_eq!(previous(&after), [older]);
}

#[test]
fn in_place_of_a_retired_key_that_stood_alone_there_are_two_new_ones() {
    let ring = imported(&[private_jwk(Algorithm::EdDsa)]);
    let after = without(&ring, &current(&ring), NOW);
    let keys = after.published().keys;
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.jwk.kid != current(&ring)), "{keys:?}");
}

#[test]
fn a_key_that_the_ring_does_not_have_cannot_be_retired() {
    let ring = rotated(&first_ring(), "v1", NOW);
    let (kid, strange) = (current(&ring), current(&first_ring()));
    for unknown in ["", "other", &kid[1..], strange.as_str()] {
        assert!(ring.clone().without(unknown, "v2", POLICY, NOW).unwrap().is_none(), "{unknown}");
    }
}

#[test]
fn a_retired_key_is_neither_in_the_secret_nor_published() {
    let ring = rotated(&first_ring(), "v1", NOW);
    let numbers = private_numbers(&secret(&ring));
    for key in ring.published().keys {
        let kid = key.jwk.kid;
        let after = without(&ring, &kid, NOW);
        let text = after.to_secret();
        assert!(!text.expose_secret().contains(&kid), "{}", key.state);
        assert!(!after.published().to_json().contains(&kid), "{}", key.state);
        for (_, number) in numbers.iter().filter(|(owner, _)| *owner == kid) {
            assert!(!text.expose_secret().contains(number), "{}", key.state);
        }
        let left = if key.state == KeyState::Previous { 2 } else { 3 };
        assert_eq!(after.published().keys.len(), left, "{}", key.state);
        assert!(!previous(&rotated(&after, "v2", NOW)).contains(&kid), "{}", key.state);
    }
}

#[test]
fn a_ring_is_proved_by_what_is_published_and_by_nothing_else() {
    let ring = rotated(&first_ring(), "v1", NOW);
    ring.prove(&ring.published()).unwrap();
    let (published, strange) = (ring.published(), first_ring().published());
    let [current, next, previous] = [0, 1, 2].map(|place| published.keys[place].jwk.kid.clone());

    let changed = |change: &dyn Fn(&mut Vec<PublishedKey>)| {
        let mut published = published.clone();
        change(&mut published.keys);
        match ring.prove(&published) {
            Err(KeyError::NotPublished(kid)) => kid,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(changed(&|keys| keys[0] = strange.keys[0].clone()), current, "it is missing");
    assert_eq!(changed(&|keys| drop(keys.remove(1))), next, "it is missing");
    assert_eq!(changed(&|keys| drop(keys.remove(2))), previous, "it is missing");
    for (place, kid) in [(0, &current), (1, &next), (2, &previous)] {
        let another = strange.keys[0].jwk.parameters.clone();
        let taken = changed(&|keys| keys[place].jwk.parameters = another.clone());
        assert_eq!(taken, *kid, "another key has its name");
    }
    assert_eq!(changed(&|keys| keys[2].until = Some(NOW)), previous, "for another time");
    assert!(ring.prove(&PublishedRing::default()).is_err());
}

#[test]
fn another_algorithm_signs_from_the_second_rotation_on() {
    let mut ring = first_ring();
    let algorithms = |ring: &SigningRing| {
        let keys = ring.published().keys;
        [0, 1].map(|place| keys[place].jwk.alg.clone())
    };
    for (version, expected) in
        [("v1", ["ES256", "EdDSA"]), ("v2", ["EdDSA", "EdDSA"]), ("v3", ["EdDSA", "EdDSA"])]
    {
        let token = Issued::by(&ring, NOW);
        ring = ring.rotated(version, for_algorithm(Algorithm::EdDsa), NOW).unwrap();
        assert_sound(&ring);
        assert_eq!(algorithms(&ring), expected, "{version}");
        assert_eq!(KeyRing::parse(&ring.to_secret()).unwrap().algorithm().name(), expected[0]);
        assert_eq!(token.verdict(&ring.published(), NOW), Ok(()), "{version}");
    }
}

#[test]
fn keys_that_cannot_be_published_make_no_ring() {
    let reason = "the keys make no ring: a shared secret cannot be published";
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let policy = for_algorithm(algorithm);
        let refused = SigningRing::first(None, &PublishedRing::default(), policy, NOW);
        assert_eq!(refused.unwrap_err().to_string(), reason);
        assert_eq!(first_ring().rotated("v1", policy, NOW).unwrap_err().to_string(), reason);
        let secret = json!({ "keys": [private_jwk(algorithm)] });
        assert_eq!(parse(&secret).unwrap_err().to_string(), reason);
    }
}

#[test]
fn a_flask_services_keys_are_not_taken_into_a_ring() {
    let mut marked = private_jwk(Algorithm::Hs256);
    marked["minted_by"] = "flask".into();
    for keys in [json!([private_jwk(Algorithm::Es256), marked]), json!([marked])] {
        let refused = parse(&json!({ "keys": keys })).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the keys make no ring: a Flask service's keys stand in a secret of their own"
        );
    }
}

#[test]
fn a_secret_without_keys_is_no_ring_yet_and_one_without_a_set_is_an_error() {
    for text in [r#"{"keys":[]}"#, r#"{"keys":[],"unused":"Zm9v"}"#] {
        assert!(SigningRing::parse(&SecretString::from(text)).unwrap().is_none(), "{text}");
    }
    for text in ["", "null", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[7]}"#] {
        let refused = SigningRing::parse(&SecretString::from(text)).unwrap_err();
        assert!(matches!(refused, KeyError::NotAJwkSet(_)), "{text}: {refused:?}");
    }
}

#[test]
fn a_ring_that_was_tampered_with_is_refused_whole() {
    let whole = secret(&rotated(&first_ring(), "v1", NOW));
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut ring = whole.clone();
        change(ring["keys"].as_array_mut().unwrap());
        parse(&ring).unwrap_err().to_string()
    };
    let remove = |key: &mut Value| drop(key.as_object_mut().unwrap().remove("d"));
    let empty = |key: &mut Value| key["d"] = Value::Null;
    for public in [&remove as &dyn Fn(&mut Value), &empty] {
        let reason = changed(&|keys| public(&mut keys[0]));
        assert_eq!(reason, "the JWK set's first key is not a private one");
        let reason = changed(&|keys| public(&mut keys[1]));
        assert_eq!(reason, "the keys make no ring: the `next` key is not a private one");
    }
    for member in ["since", "until"] {
        let reason = changed(&|keys| keys[2][member] = "soon".into());
        assert_eq!(reason, "the keys make no ring: `since` or `until` is not a time");
    }
    let reason = changed(&|keys| keys.swap(0, 1));
    assert_eq!(reason, "the keys make no ring: the first key is not the `current` one");
    let reason = changed(&|keys| keys[1]["state"] = "current".into());
    assert!(reason.contains("not one `current` key"), "{reason}");
    let reason = changed(&|keys| drop(keys[2].as_object_mut().unwrap().remove("state")));
    assert!(reason.contains("some have none"), "{reason}");
}

#[test]
fn nothing_but_a_published_ring_is_read_as_one() {
    let ring = rotated(&first_ring(), "v1", NOW);
    assert!(PublishedRing::parse(ring.to_secret().expose_secret()).is_err(), "it is private");
    let jwk_set = KeyRing::parse(&ring.to_secret()).unwrap().public_jwk_set();
    let refused = PublishedRing::parse(&json!(jwk_set).to_string()).unwrap_err();
    assert_eq!(refused.to_string(), "the keys make no ring: the keys have no `state`");
    for text in ["", "null", "{}", r#"{"keys":[]}"#] {
        assert!(PublishedRing::parse(text).is_err(), "{text}");
    }
}

/// What becomes of a ring.
#[derive(Clone, Debug)]
enum Event {
    Rotate,
    /// Which of the published keys, counted round.
    Retire(usize),
    /// What is published is all that is left.
    LoseTheSecret,
}

/// What happens, and how much later.
fn events() -> impl Strategy<Value = Vec<(Event, Duration)>> {
    let event = prop_oneof![
        5 => Just(Event::Rotate),
        2 => (0..8_usize).prop_map(Event::Retire),
        1 => Just(Event::LoseTheSecret),
    ];
    let (hour, day) = (POLICY.retention.as_secs(), KEPT_FOR.as_secs());
    let pause = prop_oneof![
        2 => Just(0_u64),
        2 => 0..hour,
        1 => prop::sample::select(vec![hour, day - hour, day - 1, day]),
        1 => 0..2 * day,
    ];
    prop::collection::vec((event, pause.prop_map(Duration::from_secs)), 1..10)
}

/// A ring, and everything that was ever signed with it.
struct World {
    ring: SigningRing,
    now: Timestamp,
    retired: BTreeSet<String>,
    tokens: Vec<Issued>,
}

impl World {
    fn begin(is_imported: bool) -> Self {
        let ring =
            if is_imported { imported(&[private_jwk(Algorithm::Es256)]) } else { first_ring() };
        let tokens = vec![Issued::by(&ring, NOW)];
        Self { ring, now: NOW, retired: BTreeSet::new(), tokens }
    }

    fn meet(&mut self, event: &Event) {
        let (ring, now) = (self.ring.clone(), self.now);
        if !matches!(event, Event::Retire(_)) {
            // Until the new ring is taken into use, the one before goes on signing.
            self.tokens.push(Issued::by(&ring, now + KeyPolicy::LONGEST_ROTATION));
        }
        self.ring = match event {
            Event::Rotate => ring.rotated("v", POLICY, now).unwrap(),
            Event::LoseTheSecret => {
                SigningRing::first(Some("v"), &ring.published(), POLICY, now).unwrap()
            }
            Event::Retire(place) => {
                let keys = ring.published().keys;
                let kid = keys[place % keys.len()].jwk.kid.clone();
                let left = ring.without(&kid, "v", POLICY, now).unwrap().unwrap();
                self.retired.insert(kid);
                left
            }
        };
        assert_sound(&self.ring);
        self.tokens.push(Issued::by(&self.ring, now));
    }

    fn check(&self) {
        let published = self.ring.published();
        assert!(published.keys.iter().all(|key| !self.retired.contains(&key.jwk.kid)));
        let verifier = verifier(&published);
        let is_alive = |token: &&Issued| token.signed_at <= self.now && self.now < token.expires_at;
        for token in self.tokens.iter().filter(is_alive) {
            let verdict = token.verdict_of(&verifier, self.now);
            if self.retired.contains(&token.kid) {
                assert_eq!(verdict, Err(TokenError::UnknownKey), "{}", token.kid);
            } else {
                assert_eq!(verdict, Ok(()), "{}", token.kid);
            }
        }
    }
}

proptest! {
    // Each case makes and checks some dozens of keys.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_every_token_of_a_key_that_was_not_retired_verifies_until_it_expires(
        is_imported in any::<bool>(),
        events in events(),
    ) {
        let mut world = World::begin(is_imported);
        world.check();
        for (event, pause) in events {
            world.now = world.now + pause;
            world.check();
            world.meet(&event);
            world.check();
        }
    }
}
