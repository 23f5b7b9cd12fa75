//! The steps of a rotation: what they make, and what they refuse.
#![cfg(test)]

mod scene;

use auth_store::{DescribeRings as _, FindRing as _, RingStage};
use auth_testkit::subject::{KEY_POLICY, NOW};
use auth_token::{Algorithm, KeyPolicy, KeyState, PublishedRing};
use keys::KeysError;
use scene::{HOUR, Happening, SECRET, Scene, Script, states, take, take_all};
use serde_json::{Value, json};

#[tokio::test]
async fn the_first_rotation_makes_a_key_that_signs_and_one_that_is_published() {
    let scene = Scene::new().await;
    let listed = scene.list().await;
    assert_eq!(listed, json!({ "keys": [], "agree": false, "max_age": 120 }));

    scene.rotate(NOW).await.unwrap();
    let published = scene.published().await;
    assert_eq!(states(&published), [KeyState::Current, KeyState::Next]);
    assert!(published.keys.iter().all(|key| key.jwk.alg == "ES256"));
    let listed = scene.list().await;
    assert_eq!(listed["agree"], true);
    assert_eq!(listed["max_age"], 120);
    assert_eq!(listed["keys"], json!(published.keys));
}

#[tokio::test]
async fn a_rotation_promotes_next_to_current_to_previous_to_gone() {
    let scene = Scene::with_ring().await;
    let kids = scene.kids().await;
    scene.rotate(NOW + HOUR).await.unwrap();
    let published = scene.published().await;
    assert_eq!(states(&published), [KeyState::Current, KeyState::Next, KeyState::Previous]);
    assert_eq!(published.keys[0].jwk.kid, kids[1]);
    assert_eq!(published.keys[2].jwk.kid, kids[0]);
    let until = published.keys[2].until.unwrap();
    assert_eq!(until, NOW + HOUR + KEY_POLICY.retention + KeyPolicy::LONGEST_ROTATION);

    scene.rotate(until).await.unwrap();
    assert!(!scene.kids().await.contains(&kids[0]), "its last token has expired");
}

#[tokio::test]
async fn an_algorithm_that_changes_signs_after_two_rotations() {
    let scene = Scene::with_ring().await;
    let mut keys = scene.keys();
    keys.policy.algorithm = Algorithm::Rs256;
    take_all(&keys, &scene.begin(), NOW + HOUR).await.unwrap();
    let algorithms =
        |ring: PublishedRing| -> Vec<_> { ring.keys.into_iter().map(|key| key.jwk.alg).collect() };
    assert_eq!(algorithms(scene.published().await), ["ES256", "RS256", "ES256"]);
    take_all(&keys, &scene.begin(), NOW + HOUR + HOUR).await.unwrap();
    assert_eq!(algorithms(scene.published().await), ["RS256", "RS256", "ES256", "ES256"]);
}

#[tokio::test]
async fn a_current_version_that_is_not_found_is_no_reason_to_make_another_ring() {
    let scene = Scene::with_ring().await;
    let versions = scene.secret.describe_rings().await.unwrap();
    let current = versions.in_stage(RingStage::Current).unwrap();
    let misses = Script::new(0, Happening::Misses(current.to_owned()));
    let version = scene.begin();
    let refused = take(&scene.scripted(&misses), "createSecret", &version, NOW + HOUR).await;
    assert!(matches!(refused, Err(KeysError::Store(_))), "{refused:?}");
    assert!(scene.secret.find_ring(&version).await.unwrap().is_none());

    take_all(&scene.keys(), &version, NOW + HOUR).await.unwrap();
    assert_eq!(scene.kids().await.len(), 3, "it is the next ring and not a first one");
}

#[tokio::test]
async fn every_step_can_be_taken_again() {
    let scene = Scene::with_ring().await;
    let version = scene.begin();
    for step in scene::STEPS {
        for _ in 0..3 {
            take(&scene.keys(), step, &version, NOW + HOUR).await.unwrap();
        }
    }
    let after = scene.published().await;
    for step in scene::STEPS {
        take(&scene.keys(), step, &version, NOW + HOUR).await.unwrap();
    }
    assert_eq!(scene.published().await, after);
}

#[tokio::test]
async fn steps_of_another_version_or_secret_are_refused() {
    let scene = Scene::with_ring().await;
    for step in scene::STEPS {
        let refused = take(&scene.keys(), step, "a-version-that-nobody-began-000000", NOW).await;
        assert!(matches!(refused, Err(KeysError::NotPending(_))), "{step}: {refused:?}");
        let event = json!({ "Step": step, "SecretId": "other", "ClientRequestToken": "x" });
        let refused = scene.keys().handle(event, NOW).await;
        assert!(matches!(refused, Err(KeysError::Event(_))), "{step}: {refused:?}");
    }
}

#[tokio::test]
async fn steps_out_of_order_make_nothing_current() {
    let scene = Scene::with_ring().await;
    let before = scene.ring().await.current_kid().to_owned();
    let version = scene.begin();
    for step in ["setSecret", "testSecret", "finishSecret"] {
        let refused = take(&scene.keys(), step, &version, NOW).await;
        assert!(matches!(refused, Err(KeysError::NotPending(_))), "{step}: {refused:?}");
    }
    take(&scene.keys(), "createSecret", &version, NOW).await.unwrap();
    for step in ["testSecret", "finishSecret"] {
        let refused = take(&scene.keys(), step, &version, NOW).await;
        assert!(matches!(refused, Err(KeysError::Unproved(_))), "{step}: {refused:?}");
    }
    assert_eq!(scene.ring().await.current_kid(), before);
    take_all(&scene.keys(), &version, NOW).await.unwrap();
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let scene = Scene::with_ring().await;
    for event in [
        json!({}),
        json!([]),
        json!(null),
        json!("list"),
        json!({ "Operation": "delete" }),
        json!({ "Operation": "retire" }),
        json!({ "Operation": "retire", "KeyId": 7 }),
        json!({ "Operation": "list", "KeyId": "x" }),
        json!({ "Step": "createSecret" }),
        json!({ "Step": "dropSecret", "SecretId": SECRET, "ClientRequestToken": "x" }),
        json!({ "Step": 1, "SecretId": SECRET, "ClientRequestToken": "x" }),
    ] {
        let refused = scene.keys().handle(event.clone(), NOW).await;
        assert!(matches!(refused, Err(KeysError::Event(_))), "{event}: {refused:?}");
    }
}

#[tokio::test]
async fn a_table_whose_keys_are_none_is_replaced_by_the_next_rotation() {
    let scene = Scene::with_ring().await;
    let before = scene.ring().await;
    scene.publish(&PublishedRing::default()).await;
    scene.rotate(NOW + HOUR).await.unwrap();
    assert_eq!(scene.ring().await.published(), scene.published().await);
    assert!(scene.kids().await.contains(&before.current_kid().to_owned()));
}

#[tokio::test]
async fn the_events_of_the_folder_are_answered() {
    let scene = Scene::with_ring().await;
    let version = scene.begin();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
    for name in ["create", "set", "test", "finish", "list", "retire"] {
        let text = std::fs::read_to_string(format!("{folder}/keys-{name}.json")).unwrap();
        let mut event: Value = serde_json::from_str(&text).unwrap();
        if event.get("SecretId").is_some() {
            event["SecretId"] = SECRET.into();
            event["ClientRequestToken"] = version.as_str().into();
        }
        if event.get("KeyId").is_some() {
            event["KeyId"] = scene.kids().await[0].as_str().into();
        }
        scene.keys().handle(event, NOW + HOUR).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}
