//! What Secrets Manager and operators can ask of the keys function, and what it refuses.
#![cfg(test)]

mod scene;

use auth_store::{
    DescribeRings as _, FindPublishedRing as _, MoveRing as _, Publication, PublishRing as _,
    RingStage,
};
use auth_testkit::subject::{JWK_SET, KID, NOW};
use auth_token::{Algorithm, KeyPolicy, KeyState, OperationId, PublishedRing, SigningKey};
use keys::KeysError;
use scene::{HOUR, POLICY, SECRET, Scene, take, take_all};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

fn states(ring: &PublishedRing) -> Vec<KeyState> {
    ring.keys.iter().map(|key| key.state).collect()
}

async fn list(scene: &Scene) -> Value {
    scene.keys().handle(json!({ "Operation": "list" }), NOW).await.unwrap()
}

#[tokio::test]
async fn the_first_rotation_makes_a_key_that_signs_and_one_that_is_published() {
    let scene = Scene::new().await;
    let listed = list(&scene).await;
    assert_eq!((&listed["keys"], &listed["agree"]), (&json!([]), &json!(false)));

    scene.rotate(NOW).await.unwrap();
    let published = scene.published().await;
    assert_eq!(states(&published), [KeyState::Current, KeyState::Next]);
    assert!(published.keys.iter().all(|key| key.jwk.alg == "ES256"));
    let listed = list(&scene).await;
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
    assert_eq!(until, NOW + HOUR + POLICY.retention + KeyPolicy::LONGEST_ROTATION);

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
async fn a_key_of_an_operators_goes_on_signing_until_the_one_after_it_is_known() {
    let scene = Scene::new().await;
    scene.put(JWK_SET).await;
    scene.rotate(NOW).await.unwrap();
    let published = scene.published().await;
    assert_eq!(states(&published), [KeyState::Current, KeyState::Next]);
    assert_eq!(published.keys[0].jwk.kid, KID);
    scene.rotate(NOW + HOUR).await.unwrap();
    let published = scene.published().await;
    assert_eq!(published.keys[2].jwk.kid, KID);
    assert_eq!(published.keys[2].state, KeyState::Previous);
}

#[tokio::test]
async fn a_lost_ring_costs_nobody_a_session() {
    let scene = Scene::with_ring().await;
    scene.rotate(NOW + HOUR).await.unwrap();
    let before = scene.published().await;
    scene.put(r#"{"keys":[]}"#).await;
    scene.rotate(NOW + HOUR + HOUR).await.unwrap();
    let after = scene.published().await;
    for key in before.keys.iter().filter(|key| key.state != KeyState::Next) {
        let kept = after.keys.iter().find(|kept| kept.jwk == key.jwk).expect("it verifies");
        assert_eq!(kept.state, KeyState::Previous);
    }
    assert_eq!(after.keys.len(), 4);
    assert_eq!(list(&scene).await["agree"], true);
}

#[tokio::test]
async fn a_retired_key_signs_and_verifies_no_more() {
    for (state, left) in [(KeyState::Current, 2), (KeyState::Next, 3), (KeyState::Previous, 2)] {
        let scene = Scene::with_ring().await;
        scene.rotate(NOW + HOUR).await.unwrap();
        let before = scene.published().await;
        let key = before.keys.iter().find(|key| key.state == state).unwrap();
        let answer = scene.retire(&key.jwk.kid, NOW + HOUR + HOUR).await.unwrap();
        let after = scene.published().await;
        assert_eq!(answer["keys"], json!(after.keys));
        assert!(after.keys.iter().all(|kept| kept.jwk.kid != key.jwk.kid));
        let known =
            after.keys.iter().filter(|kept| before.keys.iter().any(|known| known.jwk == kept.jwk));
        assert_eq!(known.count(), 2, "{state}: the other keys stay");
        assert_eq!(after.keys.len(), left + usize::from(state == KeyState::Current), "{state}");
        if state == KeyState::Current {
            assert_eq!(after.keys[0].jwk, before.keys[1].jwk, "the next one signs");
        }
        assert_eq!(list(&scene).await["agree"], true);
    }
}

#[tokio::test]
async fn a_key_that_there_is_not_is_not_retired() {
    let scene = Scene::with_ring().await;
    let before = scene.secret.describe_rings().await.unwrap();
    let refused = scene.retire("made-up", NOW).await.unwrap_err();
    assert!(matches!(&refused, KeysError::UnknownKey(kid) if kid == "made-up"), "{refused:?}");
    assert_eq!(scene.secret.describe_rings().await.unwrap(), before);
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
        assert!(matches!(refused, Err(KeysError::Secret(_))), "{step}: {refused:?}");
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
async fn a_malformed_ring_is_not_rotated_and_the_message_says_why() {
    let scene = Scene::with_ring().await;
    let private = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap();
    let key = serde_json::from_str::<Value>(private.expose_secret()).unwrap()["keys"][0].take();
    let secret = SigningKey::generate_jwk_set(Algorithm::Hs256).unwrap();
    let flask = json!({ "keys": [key, { "kty": "oct", "kid": "old", "alg": "HS256",
        "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "minted_by": "flask" }] });
    let cut = &private.expose_secret()[..50];
    for (text, reason) in [
        ("hunter2", "not a JWK set"),
        ("{}", "not a JWK set"),
        (cut, "not a JWK set"),
        (secret.expose_secret(), "cannot be published"),
        (&json!({ "keys": [key, key] }).to_string(), "two keys"),
        (&flask.to_string(), "Flask"),
    ] {
        scene.put(text).await;
        let version = scene.begin();
        let refused = take_all(&scene.keys(), &version, NOW).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
        assert!(!refused.contains(key["d"].as_str().unwrap()), "{refused}");
        // The table still has the last good ring.
        assert_eq!(states(&scene.published().await), [KeyState::Current, KeyState::Next]);
        let listed = list(&scene).await;
        assert_eq!(listed["agree"], false);
        assert!(listed["problems"][0].as_str().unwrap().contains(reason), "{listed}");
        let versions = scene.secret.describe_rings().await.unwrap();
        let pending = versions.in_stage(RingStage::Pending).unwrap().to_owned();
        scene.secret.move_stage(RingStage::Pending, Some(&pending), None).await.unwrap();
    }
}

#[tokio::test]
async fn a_table_whose_keys_are_none_is_replaced_by_the_next_rotation() {
    let scene = Scene::with_ring().await;
    let before = scene.ring().await;
    let found = scene.table.find_published_ring().await;
    let version = OperationId::generate().unwrap();
    let publication = Publication {
        ring: &PublishedRing::default(),
        replaces: Some(&found.unwrap().unwrap().version),
        version: &version,
        now: NOW,
    };
    scene.table.publish_ring(&publication).await.unwrap();
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
