//! Cached keys: when they are fetched again, and how long they serve in an outage.
#![cfg(test)]

use std::{error::Error as _, sync::Arc, time::Duration};

use latchkey_keys::{KeyCache, KeyState, PublicRing, ReadRing as _, RingError, RingItem};
use latchkey_session::StoreError;
use latchkey_store::{KeyLocation, KeySource};
use latchkey_testkit::{
    cloud::Cloud,
    fixtures::{KID, NOW, key_set, signing_ring, verifying_ring},
    proxy::Fault,
    unavailable,
};
use latchkey_token::{KeySet, Timestamp};
use tokio::task::JoinSet;

/// An outage that the client does not retry: one call per fetch.
const OUTAGE: Fault = Fault::Error("SomeUnknownException");
/// A permission error, which is not an outage.
const DENIED: Fault = Fault::Error("AccessDeniedException");

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn kids_of(ring: &PublicRing) -> Vec<String> {
    ring.keys.iter().map(|key| key.jwk.kid.clone()).collect()
}

fn kids(keys: &KeySet) -> Vec<String> {
    keys.public_jwk_set().keys.into_iter().map(|key| key.kid).collect()
}

async fn signing_kid(keys: &KeyCache, now: Timestamp) -> String {
    keys.get(now).await.unwrap().signing().unwrap().public().kid().to_owned()
}

/// The cause of the failed fetch.
fn cause(error: &StoreError) -> String {
    error.source().unwrap().to_string()
}

fn is_outage(error: &StoreError) -> bool {
    cause(error).starts_with("the key ring is unavailable: ")
}

fn current(ring: &PublicRing) -> String {
    ring.in_state(KeyState::Current).unwrap().jwk.kid.clone()
}

/// An emulated AWS account.
struct Scene {
    cloud: Cloud,
}

impl Scene {
    async fn new() -> Self {
        Self { cloud: Cloud::start().await }
    }

    /// A scene with a ring, and the cache of a verifier that starts now.
    async fn started() -> (Self, PublicRing, KeyCache) {
        let scene = Self::new().await;
        let ring = scene.cloud.new_ring().await;
        let keys = scene.verifier(NOW).await;
        scene.cloud.take_operations();
        (scene, ring, keys)
    }

    async fn verifier(&self, now: Timestamp) -> KeyCache {
        verifying_ring().connect(&self.cloud.aws, now).await
    }

    /// The cache of a signer that starts now.
    async fn signer(&self, now: Timestamp) -> KeyCache {
        signing_ring().connect(&self.cloud.aws, now).await
    }

    /// The number of fetches since the last call.
    fn fetches(&self) -> usize {
        let calls = self.cloud.proxy.take_calls();
        assert!(calls.iter().all(|call| call.operation == "GetItem" && call.is_consistent));
        calls.len()
    }
}

#[tokio::test]
async fn a_verifier_fetches_at_start_and_not_again_for_half_the_maximum_age() {
    let scene = Scene::new().await;
    let ring = scene.cloud.new_ring().await;
    let keys = scene.verifier(NOW).await;
    assert_eq!(scene.fetches(), 1);
    scene.cloud.new_ring().await;
    for second in [0, 1, 30, 59] {
        let found = keys.get(later(second)).await.unwrap();
        assert_eq!(kids(&found), kids_of(&ring), "after {second} s");
    }
    assert_eq!(scene.fetches(), 0);
}

#[tokio::test]
async fn after_half_the_maximum_age_a_request_fetches_first() {
    for age in [60, 61, 119, 120, 1_000_000] {
        let (scene, _, keys) = Scene::started().await;
        let newer = scene.cloud.new_ring().await;
        assert_eq!(kids(&keys.get(later(age)).await.unwrap()), kids_of(&newer), "{age} s");
        assert_eq!(kids(&keys.get(later(age + 59)).await.unwrap()), kids_of(&newer), "{age} s");
        assert_eq!(scene.fetches(), 1);
    }
}

#[tokio::test]
async fn unchanged_keys_are_neither_parsed_nor_decrypted_again() {
    let (scene, _, keys) = Scene::started().await;
    let signer = scene.signer(NOW).await;
    assert_eq!(scene.cloud.take_operations(), ["GetItem", "Decrypt"]);
    let first = keys.get(NOW).await.unwrap();
    let first_signer = signer.get(NOW).await.unwrap();
    for age in [120, 240, 360] {
        let again = keys.get(later(age)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(Arc::ptr_eq(&first_signer, &signer.get(later(age)).await.unwrap()));
    }
    assert_eq!(scene.fetches(), 6);
}

#[tokio::test]
async fn in_an_outage_cached_keys_serve_for_an_hour_with_a_fetch_every_ten_seconds() {
    let (scene, ring, keys) = Scene::started().await;
    scene.cloud.proxy.inject("GetItem", OUTAGE, usize::MAX);
    for (second, fetches) in
        [(60, 1), (61, 0), (69, 0), (70, 1), (79, 0), (1_000, 1), (3_590, 1), (3_599, 0)]
    {
        let found = keys.get(later(second)).await.unwrap();
        assert_eq!(kids(&found), kids_of(&ring), "after {second} s");
        assert_eq!(scene.fetches(), fetches, "after {second} s");
    }
    let known = keys.get(later(3_599)).await.unwrap();
    assert!(
        keys.get_newer(&known, later(3_599)).await.is_err(),
        "it is unknown whether the key exists"
    );
    for second in [3_600, 3_601, 10_000] {
        let error = keys.get(later(second)).await.unwrap_err();
        assert!(is_outage(&error), "after {second} s: {error:?}");
        assert_eq!(scene.fetches(), 1, "after {second} s");
    }
    scene.cloud.proxy.heal();
    let newer = scene.cloud.new_ring().await;
    assert_eq!(kids(&keys.get(later(10_001)).await.unwrap()), kids_of(&newer));
}

#[tokio::test]
async fn a_missing_invalid_or_forbidden_ring_is_no_outage() {
    for case in ["missing", "invalid", "denied"] {
        let (scene, _, keys) = Scene::started().await;
        let signer = scene.signer(NOW).await;
        match case {
            "missing" => scene.cloud.delete_ring().await,
            "invalid" => {
                let item = scene.cloud.item().await.unwrap();
                let public = item.public.replace("\"current\"", "\"previous\"");
                let version = "other".to_owned();
                scene.cloud.put_item(&RingItem { version, public, ..item }).await;
            }
            _ => scene.cloud.proxy.inject("GetItem", DENIED, usize::MAX),
        }
        for second in [60, 61] {
            let error = keys.get(later(second)).await.unwrap_err();
            assert!(!is_outage(&error), "{case}: {error:?}");
        }
        if case == "missing" {
            // It creates a new ring.
            assert!(signer.get(later(62)).await.is_ok());
        } else {
            assert!(!is_outage(&signer.get(later(62)).await.unwrap_err()), "{case}");
        }
        scene.cloud.proxy.heal();
        let repaired = scene.cloud.new_ring().await;
        assert_eq!(kids(&keys.get(later(63)).await.unwrap()), kids_of(&repaired));
        assert_eq!(signing_kid(&signer, later(200)).await, current(&repaired));
    }
}

#[tokio::test]
async fn a_hanging_table_delays_a_request_by_half_a_second() {
    let (scene, ring, keys) = Scene::started().await;
    scene.cloud.proxy.inject("GetItem", Fault::Hang, usize::MAX);
    let table = scene.cloud.ring().await;
    let found = tokio::select! {
        biased;
        found = keys.get(later(120)) => found.unwrap(),
        _ = table.read_ring() => panic!("the request waits for longer than a call takes"),
    };
    assert_eq!(kids(&found), kids_of(&ring));
    let refused = tokio::select! {
        biased;
        newer = keys.get_newer(&found, later(140)) => newer,
        _ = table.read_ring() => panic!("the request waits for longer than a call takes"),
    };
    assert!(is_outage(&refused.unwrap_err()));
}

#[tokio::test]
async fn a_failed_search_for_a_key_is_an_error_and_repeated_after_ten_seconds() {
    let (scene, _, keys) = Scene::started().await;
    let known = keys.get(NOW).await.unwrap();
    scene.cloud.proxy.inject("GetItem", OUTAGE, usize::MAX);
    for (second, fetches) in [(1, 1), (2, 0), (10, 0), (11, 1), (20, 0), (21, 1)] {
        assert!(keys.get_newer(&known, later(second)).await.is_err(), "after {second} s");
        assert_eq!(scene.fetches(), fetches, "after {second} s");
    }
    scene.cloud.proxy.heal();
    let newer = scene.cloud.new_ring().await;
    let found = keys.get_newer(&known, later(31)).await.unwrap().unwrap();
    assert_eq!(kids(&found), kids_of(&newer));
}

#[tokio::test]
async fn without_keys_each_request_fetches_until_there_are_some() {
    for has_outage in [true, false] {
        let scene = Scene::new().await;
        if has_outage {
            scene.cloud.new_ring().await;
            scene.cloud.proxy.inject("GetItem", OUTAGE, usize::MAX);
        }
        let keys = scene.verifier(NOW).await;
        assert_eq!(scene.fetches(), 1);
        for second in [0, 1, 9] {
            let error = keys.get(later(second)).await.unwrap_err();
            assert_eq!(is_outage(&error), has_outage, "{error:?}");
            assert_eq!(scene.fetches(), 1, "after {second} s");
        }
        scene.cloud.proxy.heal();
        let ring = scene.cloud.new_ring().await;
        assert_eq!(kids(&keys.get(later(9)).await.unwrap()), kids_of(&ring));
    }
}

#[tokio::test]
async fn an_unknown_key_is_searched_for_once_in_thirty_seconds() {
    let (scene, _, keys) = Scene::started().await;
    let known = keys.get(NOW).await.unwrap();
    for (second, fetches) in [(1, 1), (2, 0), (30, 0), (31, 1), (60, 0)] {
        assert!(keys.get_newer(&known, later(second)).await.unwrap().is_none());
        assert_eq!(scene.fetches(), fetches, "after {second} s");
    }
    let newer = scene.cloud.new_ring().await;
    assert!(
        keys.get_newer(&known, later(60)).await.unwrap().is_none(),
        "searched less than 30 s ago"
    );
    let found = keys.get_newer(&known, later(61)).await.unwrap().unwrap();
    assert_eq!((kids(&found), scene.fetches()), (kids_of(&newer), 1));
}

#[tokio::test]
async fn a_successful_search_does_not_delay_the_next_one() {
    let (scene, _, keys) = Scene::started().await;
    let mut known = keys.get(NOW).await.unwrap();
    let first = Arc::clone(&known);
    for second in 1..4 {
        let newer = scene.cloud.new_ring().await;
        known = keys.get_newer(&known, later(second)).await.unwrap().unwrap();
        assert_eq!((kids(&known), scene.fetches()), (kids_of(&newer), 1), "after {second} s");
    }
    let newer = keys.get_newer(&first, later(3)).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&newer, &known), "a request has already fetched them");
    assert_eq!(scene.fetches(), 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_delay_a_fetch() {
    let scene = Scene::new().await;
    scene.cloud.new_ring().await;
    let keys = scene.verifier(later(1_000_000)).await;
    let newer = scene.cloud.new_ring().await;
    assert_eq!(kids(&keys.get(NOW).await.unwrap()), kids_of(&newer));
    assert_eq!(scene.fetches(), 2);
    keys.get(later(59)).await.unwrap();
    assert_eq!(scene.fetches(), 0, "the age counts from the new time");

    // A failed fetch with a later time does not delay a fetch.
    scene.cloud.proxy.inject("GetItem", OUTAGE, 1);
    keys.get(later(1_000)).await.unwrap();
    let newest = scene.cloud.new_ring().await;
    assert_eq!(kids(&keys.get(later(500)).await.unwrap()), kids_of(&newest));
}

#[tokio::test]
async fn concurrent_requests_fetch_once() {
    for age in [60, 120, 5_000] {
        let (scene, _, keys) = Scene::started().await;
        let newer = scene.cloud.new_ring().await;
        scene.cloud.proxy.inject("GetItem", Fault::Delay(Duration::from_millis(50)), 1);
        let mut requests = JoinSet::new();
        for _ in 0..10 {
            let keys = keys.clone();
            requests.spawn(async move { keys.get(later(age)).await.map(|keys| kids(&keys)) });
        }
        let found: Vec<_> = requests.join_all().await.into_iter().map(Result::unwrap).collect();
        assert_eq!(scene.fetches(), 1, "{age} s");
        // While the keys are not stale, only the first request waits for newer ones.
        let waited = found.iter().filter(|found| **found == kids_of(&newer)).count();
        assert_eq!(waited, if age < 120 { 1 } else { 10 }, "{age} s");
    }
}

#[tokio::test]
async fn the_first_signer_creates_the_ring_in_three_calls() {
    let scene = Scene::new().await;
    let signer = scene.signer(NOW).await;
    assert_eq!(scene.cloud.take_operations(), ["GetItem", "Encrypt", "PutItem"]);
    let ring = PublicRing::parse(&scene.cloud.item().await.unwrap().public).unwrap();
    assert_eq!(kids_of(&ring), [signing_kid(&signer, NOW).await]);
    // It knows the version that it wrote, and decrypts nothing.
    signer.get(later(60)).await.unwrap();
    assert_eq!(scene.cloud.take_operations(), ["GetItem"]);
}

#[tokio::test]
async fn a_signer_that_creates_no_ring_waits_for_one() {
    let scene = Scene::new().await;
    let mut source = signing_ring();
    let KeyLocation::Ring { access, .. } = &mut source.location else { panic!() };
    access.first = None;
    let signer = source.connect(&scene.cloud.aws, NOW).await;
    let error = signer.get(NOW).await.unwrap_err();
    assert_eq!(cause(&error), RingError::NotFound.to_string());
    assert_eq!(scene.cloud.take_operations(), ["GetItem", "GetItem"]);
    let ring = scene.cloud.new_ring().await;
    assert_eq!(signing_kid(&signer, NOW).await, current(&ring));
}

#[tokio::test]
async fn a_signer_follows_rotations_and_refuses_a_ring_that_does_not_decrypt() {
    let scene = Scene::new().await;
    scene.cloud.new_ring().await;
    let signer = scene.signer(NOW).await;
    let rotated = scene.cloud.rotate(NOW).await;
    assert_eq!(signing_kid(&signer, later(60)).await, current(&rotated));

    let item = scene.cloud.item().await.unwrap();
    let sealed = item.sealed.keys().map(|kid| (kid.clone(), vec![0; 100])).collect();
    let damaged = RingItem { version: "damaged".to_owned(), sealed, ..item.clone() };
    scene.cloud.put_item(&damaged).await;
    for second in [120, 121] {
        let error = signer.get(later(second)).await.unwrap_err();
        assert!(cause(&error).starts_with("the private half of key "), "{}", cause(&error));
    }
    assert_eq!(scene.cloud.item().await, Some(damaged), "only a reset overwrites the item");
    scene.cloud.put_item(&item).await;
    assert_eq!(signing_kid(&signer, later(122)).await, current(&rotated));
}

#[tokio::test]
async fn a_signer_keeps_its_key_while_kms_is_unavailable() {
    let scene = Scene::new().await;
    let ring = scene.cloud.new_ring().await;
    let signer = scene.signer(NOW).await;
    scene.cloud.rotate(NOW).await;
    scene.cloud.proxy.inject("Decrypt", OUTAGE, usize::MAX);
    for second in [60, 120, 3_599] {
        assert_eq!(signing_kid(&signer, later(second)).await, current(&ring));
    }
    assert!(signer.get(later(3_600)).await.is_err());
}

#[tokio::test]
async fn static_keys_never_change() {
    let location = KeyLocation::Static(Box::new(key_set()));
    let source = KeySource { location, ..verifying_ring() };
    let keys = source.connect(&unavailable::aws(), NOW).await;
    let first = keys.get(NOW).await.unwrap();
    assert_eq!(kids(&first), [KID]);
    let later = NOW + Duration::from_secs(u64::from(u32::MAX));
    assert!(Arc::ptr_eq(&first, &keys.get(later).await.unwrap()));
    assert!(keys.get_newer(&first, later).await.unwrap().is_none());
    assert_eq!(signing_kid(&keys, NOW).await, KID);
}
