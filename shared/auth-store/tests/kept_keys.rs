//! Keys that a function keeps: when they are read anew, and what serves when they cannot be.
//! Longer than the rest because it is one clock, from a start to its end.
#![cfg(test)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth_store::{
    Aws, DynamoKeys, FindPublishedRing as _, KeptKeys, KeyLocation, KeySource, KeySourceError,
    Publication, PublishOutcome, PublishRing as _, StoreError, TrustedKeys,
};
use auth_testkit::{
    away, dynamodb,
    proxy::{DynamoProxy, Fault},
    subject::{JWK_SET, KID, NOW, key_source, new_ring, operation},
};
use auth_token::{Algorithm, FlaskKeys, KeyRing, PublishedRing, Timestamp};
use secrecy::SecretString;
use tokio::task::JoinSet;

/// DynamoDB refuses this and no client tries it again: one call, one reading.
const AWAY: Fault = Fault::Error("ResourceNotFoundException");

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn table() -> KeySource {
    key_source(KeyLocation::Table { name: "KeysTable".to_owned() })
}

fn kids_of(ring: &PublishedRing) -> Vec<String> {
    ring.keys.iter().map(|key| key.jwk.kid.clone()).collect()
}

/// The names of a verifier's keys.
fn kids(keys: &TrustedKeys) -> Vec<String> {
    keys.verifying.public_jwk_set().keys.into_iter().map(|key| key.kid).collect()
}

/// A table, a proxy in front of it that counts, and a function's keys.
struct Scene {
    table: DynamoKeys,
    proxy: DynamoProxy,
    /// How often something was made of new keys.
    made: Arc<AtomicUsize>,
    aws: Aws,
}

impl Scene {
    async fn new() -> Self {
        let engine = dynamodb().await;
        let proxy = DynamoProxy::start(&engine).await;
        let table = DynamoKeys::connect(&Aws::emulator(&engine), "KeysTable".to_owned()).await;
        let aws = Aws::emulator(&proxy.endpoint);
        Self { table, proxy, made: Arc::default(), aws }
    }

    /// The same with a ring in the table, and the keys of a function that has just started.
    async fn started() -> (Self, PublishedRing, KeptKeys<TrustedKeys>) {
        let scene = Self::new().await;
        let ring = scene.publish_new().await;
        let keys = scene.keep(NOW).await;
        scene.proxy.take_calls();
        (scene, ring, keys)
    }

    async fn keep(&self, now: Timestamp) -> KeptKeys<TrustedKeys> {
        let count = Arc::clone(&self.made);
        let make = move |keys: TrustedKeys| {
            count.fetch_add(1, Ordering::SeqCst);
            keys
        };
        table().keep_trusted(&self.aws, now, make).await.unwrap()
    }

    async fn publish(&self, ring: &PublishedRing) {
        let found = self.table.find_published_ring().await.unwrap();
        let replaces = found.as_ref().map(|found| found.version.as_str());
        let publication = Publication { ring, replaces, version: &operation(), now: NOW };
        let outcome = self.table.publish_ring(&publication).await.unwrap();
        assert_eq!(outcome, PublishOutcome::Published);
    }

    async fn publish_new(&self) -> PublishedRing {
        let ring = new_ring().published();
        self.publish(&ring).await;
        ring
    }

    /// How often the table was asked since this was asked last.
    fn readings(&self) -> usize {
        let calls = self.proxy.take_calls();
        assert!(calls.iter().all(|call| call.operation == "GetItem" && call.is_consistent));
        calls.len()
    }

    /// Waits until something was made of new keys that often.
    async fn wait_until_made(&self, times: usize) {
        for _ in 0..1_000 {
            if self.made.load(Ordering::SeqCst) >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was made of the new keys");
    }
}

#[tokio::test]
async fn a_start_reads_once_and_so_does_nobody_within_half_the_age() {
    let scene = Scene::new().await;
    let ring = scene.publish_new().await;
    let keys = scene.keep(NOW).await;
    assert_eq!(scene.readings(), 1);
    scene.publish_new().await;
    for second in [0, 1, 30, 59] {
        let found = keys.get(later(second)).await.unwrap();
        assert_eq!(kids(&found), kids_of(&ring), "after {second} s");
    }
    assert_eq!(scene.readings(), 0);
}

#[tokio::test]
async fn after_half_the_age_keys_are_read_beside_the_request_and_the_next_one_has_them() {
    let (scene, _, keys) = Scene::started().await;
    let newer = scene.publish_new().await;
    // The request is not the one that waits: the answer comes after it has gone on.
    scene.proxy.inject("GetItem", Fault::Delay(Duration::from_millis(100)), 1);
    assert!(keys.get(later(60)).await.is_ok());
    assert_eq!(scene.made.load(Ordering::SeqCst), 1, "only the start's");
    scene.wait_until_made(2).await;
    assert_eq!(kids(&keys.get(later(61)).await.unwrap()), kids_of(&newer));
    assert_eq!(kids(&keys.get(later(119)).await.unwrap()), kids_of(&newer));
    assert_eq!(scene.readings(), 1, "they are young again");
}

#[tokio::test]
async fn after_the_whole_age_a_request_waits_for_the_new_keys() {
    for age in [120, 121, 1_000_000] {
        let (scene, _, keys) = Scene::started().await;
        let newer = scene.publish_new().await;
        assert_eq!(kids(&keys.get(later(age)).await.unwrap()), kids_of(&newer), "{age} s");
        assert_eq!(kids(&keys.get(later(age + 59)).await.unwrap()), kids_of(&newer), "{age} s");
        assert_eq!(scene.readings(), 1);
    }
}

#[tokio::test]
async fn keys_that_are_still_the_same_are_not_made_anew() {
    let (scene, ring, keys) = Scene::started().await;
    let first = keys.get(NOW).await.unwrap();
    scene.publish(&ring).await;
    for age in [120, 240, 360] {
        let again = keys.get(later(age)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again), "what was made of them is kept, its memory too");
    }
    assert_eq!((scene.readings(), scene.made.load(Ordering::SeqCst)), (3, 1));
}

#[tokio::test]
async fn while_the_table_is_away_the_last_keys_serve_and_it_is_asked_once_in_ten_seconds() {
    let (scene, ring, keys) = Scene::started().await;
    scene.proxy.inject("GetItem", AWAY, usize::MAX);
    for (second, readings) in [(120, 1), (121, 0), (129, 0), (130, 1), (139, 0), (1_000, 1)] {
        let found = keys.get(later(second)).await.unwrap();
        assert_eq!(kids(&found), kids_of(&ring), "after {second} s");
        assert_eq!(scene.readings(), readings, "after {second} s");
    }
    let known = keys.get(later(1_001)).await.unwrap();
    assert!(keys.get_others(&known, later(1_001)).await.is_err(), "nobody knows");
    assert_eq!(scene.readings(), 0, "nor for a key that nobody knows");

    scene.proxy.heal();
    let newer = scene.publish_new().await;
    assert_eq!(kids(&keys.get(later(1_010)).await.unwrap()), kids_of(&newer));
}

#[tokio::test]
async fn a_table_that_hangs_delays_a_request_by_its_own_patience_and_not_by_the_clients() {
    let (scene, ring, keys) = Scene::started().await;
    scene.proxy.inject("GetItem", Fault::Hang, usize::MAX);
    let client = DynamoKeys::connect(&scene.aws, "KeysTable".to_owned()).await;
    let found = tokio::select! {
        biased;
        found = keys.get(later(120)) => found.unwrap(),
        _ = client.find_published_ring() => panic!("the request waits for longer than a call takes"),
    };
    assert_eq!(kids(&found), kids_of(&ring));

    // As little is known of a key that nobody has looked for to the end.
    let refused = tokio::select! {
        biased;
        others = keys.get_others(&found, later(121)) => others,
        _ = client.find_published_ring() => panic!("the request waits for longer than a call takes"),
    };
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_search_that_failed_says_nothing_of_a_key_and_is_repeated_after_ten_seconds() {
    let (scene, _, keys) = Scene::started().await;
    let known = keys.get(NOW).await.unwrap();
    scene.proxy.inject("GetItem", AWAY, usize::MAX);
    for (second, readings) in [(1, 1), (2, 0), (10, 0), (11, 1), (20, 0), (21, 1)] {
        let refused = keys.get_others(&known, later(second)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{second}: {refused:?}");
        assert_eq!(scene.readings(), readings, "after {second} s");
    }
    scene.proxy.heal();
    let newer = scene.publish_new().await;
    let others = keys.get_others(&known, later(31)).await.unwrap().unwrap();
    assert_eq!(kids(&others), kids_of(&newer));
}

#[tokio::test]
async fn without_keys_at_the_start_requests_fail_until_there_are_some() {
    for is_away in [true, false] {
        let scene = Scene::new().await;
        if is_away {
            scene.publish_new().await;
            scene.proxy.inject("GetItem", AWAY, usize::MAX);
        }
        let keys = scene.keep(NOW).await;
        assert_eq!(scene.readings(), 1);
        for second in [0, 1, 2, 9] {
            let refused = keys.get(later(second)).await.unwrap_err();
            assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
            assert_eq!(scene.readings(), 1, "after {second} s");
        }
        scene.proxy.heal();
        let ring = scene.publish_new().await;
        assert_eq!(kids(&keys.get(later(9)).await.unwrap()), kids_of(&ring));
        assert_eq!(scene.readings(), 1);
    }
}

#[tokio::test]
async fn a_ring_that_makes_no_sense_replaces_none_and_serves_nobody() {
    let mut nameless = new_ring().published();
    nameless.keys[1].jwk.kid.clear();
    let mut upside_down = new_ring().published();
    upside_down.keys.swap(0, 1);
    for nonsense in [PublishedRing::default(), nameless, upside_down] {
        let (scene, ring, keys) = Scene::started().await;
        scene.publish(&nonsense).await;
        assert_eq!(kids(&keys.get(later(120)).await.unwrap()), kids_of(&ring));

        let late = scene.keep(NOW).await;
        for second in [0, 1] {
            let refused = late.get(later(second)).await.unwrap_err();
            assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        }
        let mended = scene.publish_new().await;
        assert_eq!(kids(&late.get(later(2)).await.unwrap()), kids_of(&mended));
        assert_eq!(kids(&keys.get(later(130)).await.unwrap()), kids_of(&mended));
    }
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_looked_for_in_vain_once_in_thirty_seconds() {
    let (scene, _, keys) = Scene::started().await;
    let known = keys.get(NOW).await.unwrap();
    for (second, readings) in [(1, 1), (2, 0), (30, 0), (31, 1), (60, 0)] {
        assert!(keys.get_others(&known, later(second)).await.unwrap().is_none());
        assert_eq!(scene.readings(), readings, "after {second} s");
    }
    let newer = scene.publish_new().await;
    assert!(keys.get_others(&known, later(60)).await.unwrap().is_none(), "it has to wait");
    let others = keys.get_others(&known, later(61)).await.unwrap().unwrap();
    assert_eq!((kids(&others), scene.readings()), (kids_of(&newer), 1));
}

#[tokio::test]
async fn a_key_that_was_found_is_not_held_against_the_next_one_that_is_looked_for() {
    let (scene, _, keys) = Scene::started().await;
    let mut known = keys.get(NOW).await.unwrap();
    let first = Arc::clone(&known);
    for second in 1..4 {
        let newer = scene.publish_new().await;
        known = keys.get_others(&known, later(second)).await.unwrap().unwrap();
        assert_eq!((kids(&known), scene.readings()), (kids_of(&newer), 1), "after {second} s");
    }
    let others = keys.get_others(&first, later(3)).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&others, &known), "somebody else has found them");
    assert_eq!(scene.readings(), 0);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_keys_young() {
    let scene = Scene::new().await;
    scene.publish_new().await;
    let keys = scene.keep(later(1_000_000)).await;
    let newer = scene.publish_new().await;
    assert_eq!(kids(&keys.get(NOW).await.unwrap()), kids_of(&newer));
    assert_eq!(scene.readings(), 2);
    keys.get(later(59)).await.unwrap();
    assert_eq!(scene.readings(), 0, "they count from the new time on");

    // Nor is a fault of the future a reason to wait.
    scene.proxy.inject("GetItem", AWAY, 1);
    keys.get(later(1_000)).await.unwrap();
    let newest = scene.publish_new().await;
    assert_eq!(kids(&keys.get(later(500)).await.unwrap()), kids_of(&newest));
}

#[tokio::test]
async fn requests_at_one_time_read_once() {
    let (scene, _, keys) = Scene::started().await;
    let newer = scene.publish_new().await;
    scene.proxy.inject("GetItem", Fault::Delay(Duration::from_millis(50)), 1);
    assert_all_get(&keys, later(120), &newer).await;
    assert_eq!(scene.readings(), 1);

    // The same for a function that has no keys yet.
    scene.proxy.inject("GetItem", AWAY, 1);
    let late = scene.keep(NOW).await;
    assert_eq!(scene.readings(), 1);
    assert_all_get(&late, later(1), &newer).await;
    assert_eq!(scene.readings(), 1);
}

async fn assert_all_get(keys: &KeptKeys<TrustedKeys>, now: Timestamp, expected: &PublishedRing) {
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let keys = keys.clone();
        requests.spawn(async move { keys.get(now).await.map(|keys| kids(&keys)) });
    }
    for found in requests.join_all().await {
        assert_eq!(found.unwrap(), kids_of(expected));
    }
}

#[tokio::test]
async fn keys_at_hand_stay_as_they_are() {
    let jwk_set = || key_source(KeyLocation::JwkSet(SecretString::from(JWK_SET)));
    // Nothing is asked, because nothing listens there.
    let nobody = away::aws();
    let trusted = jwk_set().keep_trusted(&nobody, NOW, |keys| keys).await.unwrap();
    let first = trusted.get(NOW).await.unwrap();
    assert_eq!(kids(&first), [KID]);
    assert!(Arc::ptr_eq(&first, &trusted.get(later(1_000_000)).await.unwrap()));
    assert!(trusted.get_others(&first, NOW).await.unwrap().is_none());

    let algorithm = |ring: KeyRing, _: FlaskKeys| ring.algorithm();
    let signing = jwk_set().keep_signing(&nobody, NOW, algorithm).await.unwrap();
    assert_eq!(*signing.get(NOW).await.unwrap(), Algorithm::Es256);
}

#[tokio::test]
async fn keys_at_hand_that_will_not_do_are_an_error_at_the_start() {
    let nobody = away::aws();
    let pem = key_source(KeyLocation::PublicPem("-----BEGIN PUBLIC KEY-----".to_owned()));
    let refused = pem.keep_signing(&nobody, NOW, |_, _| ()).await.unwrap_err();
    assert!(matches!(refused, KeySourceError::PublicOnly), "{refused:?}");
    let no_set = key_source(KeyLocation::JwkSet(SecretString::from("{}")));
    let refused = no_set.keep_trusted(&nobody, NOW, |_| ()).await.unwrap_err();
    assert!(matches!(refused, KeySourceError::Unusable(_)), "{refused:?}");
    let jwk_set = key_source(KeyLocation::JwkSet(SecretString::from(JWK_SET)));
    let other = KeySource { algorithm: Some(Algorithm::Rs256), ..jwk_set };
    let refused = other.keep_signing(&nobody, NOW, |_, _| ()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the signing key is for ES256, and RS256 is configured");
}

#[tokio::test]
async fn what_is_public_signs_nothing() {
    let scene = Scene::new().await;
    scene.publish_new().await;
    let keys = table().keep_signing(&scene.aws, NOW, |_, _| ()).await.unwrap();
    let refused = keys.get(later(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}
