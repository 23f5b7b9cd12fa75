//! The key ring's item and its private keys, with the emulators and under faults.
#![cfg(test)]

use std::sync::Arc;

use latchkey_keys::{
    KeyRing, KeyState, NewKey, Open as _, PublicRing, ReadRing as _, RingError, RingItem,
    Seal as _, WriteOutcome, WriteRing as _, create_ring, open_current, reset_ring, update_ring,
};
use latchkey_store::{DynamoKeyRing, KmsKey};
use latchkey_testkit::{
    cloud::{Cloud, KEYS_TABLE},
    fixtures::{KEY_POLICY, NOW},
    proxy::Fault,
};
use latchkey_token::Algorithm;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::task::JoinSet;

fn item(version: &str) -> RingItem {
    let sealed = [("a".to_owned(), vec![0, 255]), ("b".to_owned(), vec![1; 4000])].into();
    RingItem { version: version.to_owned(), public: "text".to_owned(), sealed }
}

#[tokio::test]
async fn an_item_round_trips_and_the_public_read_omits_private_keys() {
    let cloud = Cloud::start().await;
    let table = cloud.ring().await;
    assert_eq!(table.read_ring().await.unwrap(), None);
    assert_eq!(table.read_public_ring().await.unwrap(), None);
    let written = table.write_ring(&item("1"), None, NOW).await.unwrap();
    assert_eq!(written, WriteOutcome::Written);
    assert_eq!(table.read_ring().await.unwrap(), Some(item("1")));
    let public = RingItem { sealed: [].into(), ..item("1") };
    assert_eq!(table.read_public_ring().await.unwrap(), Some(public));
    let calls = cloud.proxy.take_calls();
    assert!(calls.iter().all(|call| call.is_consistent || call.operation == "PutItem"));
}

#[tokio::test]
async fn a_write_replaces_only_the_version_that_was_read() {
    let cloud = Cloud::start().await;
    let table = cloud.ring().await;
    for (version, replaces, expected) in [
        ("1", Some("0"), Some(None)),
        ("1", Some(""), None),
        ("2", None, Some(Some("1"))),
        ("2", Some(""), Some(Some("1"))),
        ("2", Some("0"), Some(Some("1"))),
        ("2", Some("1"), None),
        ("3", Some("1"), Some(Some("2"))),
    ] {
        let outcome = table.write_ring(&item(version), replaces, NOW).await.unwrap();
        let expected = expected.map_or(WriteOutcome::Written, |found: Option<&str>| {
            WriteOutcome::Conflict(found.map(item))
        });
        assert_eq!(outcome, expected, "{version} for {replaces:?}");
    }
}

#[tokio::test]
async fn a_write_with_a_lost_reply_succeeds() {
    let cloud = Cloud::start().await;
    let table = cloud.ring().await;
    for (version, replaces) in [("1", None), ("2", Some("1"))] {
        cloud.proxy.inject("PutItem", Fault::DropReply, 1);
        let outcome = table.write_ring(&item(version), replaces, NOW).await.unwrap();
        assert_eq!(outcome, WriteOutcome::Written);
    }
    assert_eq!(cloud.take_operations(), ["PutItem"; 4]);
}

#[tokio::test]
async fn a_damaged_item_is_refused_until_a_reset_discards_it() {
    let cloud = Cloud::start().await;
    let damaged = json!({ "id": { "S": "ring" }, "public": { "N": "1" }, "sealed": { "S": "" } });
    cloud.call("PutItem", &json!({ "TableName": KEYS_TABLE, "Item": damaged })).await;
    let table = cloud.ring().await;
    assert_eq!(table.read_ring().await.unwrap(), Some(RingItem::default()));
    let kms = cloud.kms().await;
    let refused = update_ring(&table, &kms, NOW, |_| Ok(())).await.unwrap_err();
    assert!(matches!(refused, RingError::Invalid(_)), "{refused}");
    let refused = reset_ring(&table, &kms, &KEY_POLICY, false, NOW).await.unwrap_err();
    assert!(matches!(refused, RingError::Invalid(_)), "{refused}");
    let ring = reset_ring(&table, &kms, &KEY_POLICY, true, NOW).await.unwrap();
    assert_eq!(ring.keys.len(), 1);
}

#[tokio::test]
async fn outages_are_distinguished_from_refusals() {
    let cloud = Cloud::with_ring().await;
    let (table, kms) = (cloud.ring().await, cloud.kms().await);
    let secret = SecretString::from("x");
    for (code, is_outage) in [
        ("AccessDeniedException", false),
        ("ResourceNotFoundException", false),
        ("NotFoundException", false),
        ("DisabledException", false),
        ("KMSInvalidStateException", false),
        ("ThrottlingException", true),
        ("InternalServerError", true),
        ("KMSInternalException", true),
    ] {
        for operation in ["GetItem", "Encrypt", "Decrypt"] {
            cloud.proxy.inject(operation, Fault::Error(code), usize::MAX);
        }
        let errors = [
            table.read_ring().await.unwrap_err(),
            table.read_public_ring().await.unwrap_err(),
            kms.seal("a", &secret).await.unwrap_err(),
            kms.open("a", b"x").await.unwrap_err(),
        ];
        cloud.proxy.heal();
        for error in errors {
            assert_eq!(error.is_outage(), is_outage, "{code}: {error}");
        }
    }
}

#[tokio::test]
async fn a_private_key_decrypts_only_with_its_key_id_and_kms_key() {
    let cloud = Cloud::start().await;
    let kms = cloud.kms().await;
    let sealed = kms.seal("a", &SecretString::from("private")).await.unwrap();
    assert!(!sealed.windows(7).any(|bytes| bytes == b"private"));
    assert_eq!(kms.open("a", &sealed).await.unwrap().expose_secret(), "private");
    let other = KmsKey::connect(&cloud.aws, "arn:aws:kms:x:1:key/other".to_owned()).await;
    for error in [
        kms.open("b", &sealed).await.unwrap_err(),
        kms.open("a", b"garbage").await.unwrap_err(),
        other.open("a", &sealed).await.unwrap_err(),
    ] {
        assert!(matches!(error, RingError::NotOpened { .. }), "{error}");
        assert!(!error.is_outage());
    }
}

#[tokio::test]
async fn keys_of_every_ring_algorithm_encrypt_and_decrypt() {
    let cloud = Cloud::start().await;
    let (table, kms) = (cloud.ring().await, cloud.kms().await);
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.has_public_half()) {
        cloud.delete_ring().await;
        let key = NewKey::generate(algorithm).unwrap();
        create_ring(&table, &kms, key, NOW).await.unwrap();
        let ring = KeyRing::parse(&cloud.item().await.unwrap()).unwrap();
        let keys = open_current(&ring, &kms).await.unwrap();
        assert_eq!(keys.signing().unwrap().algorithm(), algorithm);
    }
}

#[tokio::test]
async fn a_private_key_that_does_not_match_is_refused() {
    let cloud = Cloud::with_ring().await;
    let (kms, mut item) = (cloud.kms().await, cloud.item().await.unwrap());
    let ring = KeyRing::parse(&item).unwrap();
    let kid = ring.public().in_state(KeyState::Current).unwrap().jwk.kid.clone();
    let foreign = latchkey_token::SigningKey::generate_jwk_set(Algorithm::Es256).unwrap();
    for (private, problem) in
        [(foreign, "another key's"), (SecretString::from("hunter2"), "not a JWK set")]
    {
        item.sealed.insert(kid.clone(), kms.seal(&kid, &private).await.unwrap());
        let error = open_current(&KeyRing::parse(&item).unwrap(), &kms).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains(problem) && !message.contains("hunter2"), "{message}");
    }
    item.sealed.remove(&kid);
    let error = KeyRing::parse(&item).unwrap_err();
    assert!(error.to_string().contains("has no private half"), "{error}");
}

#[tokio::test]
async fn two_concurrent_creations_of_the_first_ring_agree_on_one() {
    let cloud = Arc::new(Cloud::start().await);
    let mut writers = JoinSet::new();
    cloud.proxy.hold("PutItem", 2);
    for _ in 0..2 {
        let (table, kms) = (cloud.ring().await, cloud.kms().await);
        writers.spawn(async move {
            assert_eq!(table.read_ring().await.unwrap(), None);
            let key = KEY_POLICY.generate().unwrap();
            create_ring(&table, &kms, key, NOW).await.unwrap()
        });
    }
    let created = writers.join_all().await;
    let kid = |index: usize| created[index].0.public_jwk_set().keys[0].kid.clone();
    assert_eq!(kid(0), kid(1), "both sign with the same key");
    assert_eq!(created[0].1, created[1].1);
    let mut operations = cloud.take_operations();
    operations.sort();
    assert_eq!(
        operations,
        ["Decrypt", "Encrypt", "Encrypt", "GetItem", "GetItem", "PutItem", "PutItem"]
    );
}

#[tokio::test]
async fn parallel_changes_are_all_applied() {
    let cloud = Arc::new(Cloud::with_ring().await);
    for round in 0..12 {
        let mut writers = JoinSet::new();
        cloud.proxy.hold("GetItem", 3);
        for _ in 0..3 {
            let (table, kms): (DynamoKeyRing, KmsKey) = (cloud.ring().await, cloud.kms().await);
            writers.spawn(async move {
                let rotate = |ring: &mut KeyRing| {
                    ring.rotate(KEY_POLICY.retention, true, NOW)?;
                    ring.add_next(NOW, &mut || KEY_POLICY.generate())
                };
                update_ring(&table, &kms, NOW, rotate).await.unwrap();
            });
        }
        writers.join_all().await;
        let ring = KeyRing::parse(&cloud.item().await.unwrap()).unwrap();
        assert_eq!(ring.public().keys.len(), 2 + 3 * (round + 1));
    }
}

#[tokio::test]
async fn a_change_without_effect_writes_nothing() {
    let cloud = Cloud::with_ring().await;
    let before = cloud.item().await;
    let (table, kms) = (cloud.ring().await, cloud.kms().await);
    let ring = update_ring(&table, &kms, NOW, |_| Ok(())).await.unwrap();
    assert_eq!(cloud.take_operations(), ["GetItem"]);
    assert_eq!(cloud.item().await, before);
    assert_eq!(PublicRing::parse(&before.unwrap().public).unwrap(), ring);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_always_meets_a_conflict_gives_up() {
    let cloud = Cloud::with_ring().await;
    let (table, kms) = (cloud.ring().await, cloud.kms().await);
    let error = update_ring(&table, &kms, NOW, |ring| {
        // Another writer changes the ring before each attempt.
        let other = &cloud;
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async { other.rotate(NOW).await })
        });
        ring.rotate(KEY_POLICY.retention, true, NOW)?;
        ring.add_next(NOW, &mut || KEY_POLICY.generate())
    });
    let error = error.await.unwrap_err();
    assert!(matches!(error, RingError::Conflict), "{error}");
}
