//! What operators do to the keys: look, rotate, retire, and put a ring of their own in place.
#![cfg(test)]

mod scene;

use auth_store::{DescribeRings as _, MoveRing as _, RingStage};
use auth_testkit::subject::{JWK_SET, KID, NOW};
use auth_token::{Algorithm, KeyState, SigningKey};
use keys::KeysError;
use scene::{HOUR, SECRET, Scene, states, take, take_all};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

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
    let version = scene.ask_for_rotation(NOW + HOUR + HOUR).await;
    take_all(&scene.keys(), &version, NOW + HOUR + HOUR).await.unwrap();
    let after = scene.published().await;
    for key in before.keys.iter().filter(|key| key.state != KeyState::Next) {
        let kept = after.keys.iter().find(|kept| kept.jwk == key.jwk).expect("it verifies");
        assert_eq!(kept.state, KeyState::Previous);
    }
    assert_eq!(after.keys.len(), 4);
    assert_eq!(scene.list().await["agree"], true);
}

#[tokio::test]
async fn a_version_that_stays_pending_in_front_of_an_operators_ring_is_in_nobodys_way() {
    let replaced = |ring: &str| {
        let ring = ring.to_owned();
        async move {
            let scene = Scene::with_ring().await;
            let version = scene.begin();
            take_all(&scene.keys(), &version, NOW + HOUR).await.unwrap();
            scene.put(&ring).await;
            (scene, version)
        }
    };
    // Secrets Manager takes it for a rotation under way, and tries that again.
    let (scene, version) = replaced(JWK_SET).await;
    assert!(scene.account.secrets.begin_rotation(SECRET, &"x".repeat(32)).is_err());
    let refused = take(&scene.keys(), "createSecret", &version, NOW + HOUR).await;
    assert!(matches!(refused, Err(KeysError::Overtaken)), "{refused:?}");
    scene.rotate(NOW + HOUR).await.unwrap();
    assert_eq!(scene.ring().await.current_kid(), KID);

    // Operators need not wait for that.
    let (scene, _) = replaced(JWK_SET).await;
    let version = scene.ask_for_rotation(NOW + HOUR).await;
    take_all(&scene.keys(), &version, NOW + HOUR).await.unwrap();
    assert_eq!(scene.ring().await.current_kid(), KID);
}

#[tokio::test]
async fn a_rotation_under_way_is_not_cleared_out_of_the_way() {
    let scene = Scene::with_ring().await;
    let version = scene.begin();
    for step in [None, Some("createSecret"), Some("setSecret"), Some("testSecret")] {
        if let Some(step) = step {
            take(&scene.keys(), step, &version, NOW + HOUR).await.unwrap();
        }
        let refused = scene.keys().handle(json!({ "Operation": "rotate" }), NOW + HOUR).await;
        assert!(matches!(refused, Err(KeysError::Store(_))), "{step:?}: {refused:?}");
        let versions = scene.secret.describe_rings().await.unwrap();
        assert_eq!(versions.in_stage(RingStage::Pending), Some(version.as_str()), "{step:?}");
    }
}

#[tokio::test]
async fn who_signs_is_told_also_while_secret_and_table_differ() {
    let scene = Scene::with_ring().await;
    let kids = scene.kids().await;
    assert_eq!(scene.list().await["signing"], json!(kids[0]));
    let version = scene.begin();
    for step in ["createSecret", "setSecret"] {
        take(&scene.keys(), step, &version, NOW + HOUR).await.unwrap();
    }
    let listed = scene.list().await;
    assert_eq!((&listed["signing"], &listed["agree"]), (&json!(kids[0]), &json!(false)));
    assert_eq!(listed["keys"][0]["kid"], json!(kids[1]), "the table is ahead");
    scene.put("{}").await;
    assert!(scene.list().await.get("signing").is_none());
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
        assert_eq!(answer, scene.list().await);
        assert!(after.keys.iter().all(|kept| kept.jwk.kid != key.jwk.kid));
        let known =
            after.keys.iter().filter(|kept| before.keys.iter().any(|known| known.jwk == kept.jwk));
        assert_eq!(known.count(), 2, "{state}: the other keys stay");
        assert_eq!(after.keys.len(), left + usize::from(state == KeyState::Current), "{state}");
        if state == KeyState::Current {
            assert_eq!(after.keys[0].jwk, before.keys[1].jwk, "the next one signs");
        }
        assert_eq!(scene.list().await["agree"], true);
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
        let version = scene.ask_for_rotation(NOW).await;
        let refused = take_all(&scene.keys(), &version, NOW).await.unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
        assert!(!refused.contains(key["d"].as_str().unwrap()), "{refused}");
        // The table still has the last good ring.
        assert_eq!(states(&scene.published().await), [KeyState::Current, KeyState::Next]);
        let listed = scene.list().await;
        assert_eq!(listed["agree"], false);
        assert!(listed["problems"][0].as_str().unwrap().contains(reason), "{listed}");
        let versions = scene.secret.describe_rings().await.unwrap();
        let pending = versions.in_stage(RingStage::Pending).unwrap().to_owned();
        scene.secret.move_stage(RingStage::Pending, Some(&pending), None).await.unwrap();
    }
}
