//! Key commands.

use std::time::Duration;

use admin::AdminError;
use latchkey_keys::{
    KeyCommand, KeyReport, KeyState, MIN_PUBLIC_TIME, PublicRing, RingError, RingItem,
};
use latchkey_session::UserCommand;
use latchkey_testkit::{
    cloud::Cloud,
    fixtures::{KEY_POLICY, NOW},
    proxy::Fault,
};
use latchkey_token::Timestamp;
use serde_json::{Value, json};

async fn run(cloud: &Cloud, command: Value, now: Timestamp) -> Result<KeyReport, AdminError> {
    let report = super::run(cloud, command, now).await?;
    Ok(serde_json::from_value(report).unwrap())
}

fn kids(ring: &PublicRing, state: KeyState) -> Vec<String> {
    let keys = ring.keys.iter().filter(|key| key.state == state);
    keys.map(|key| key.jwk.kid.clone()).collect()
}

#[tokio::test]
async fn keys_list_returns_public_keys_and_the_maximum_cache_age() {
    let cloud = Cloud::start().await;
    let ring = cloud.new_ring().await;
    let listed = super::run(&cloud, json!({ "command": "keys.list" }), NOW).await.unwrap();
    assert_eq!(listed["max_age"], 120);
    assert_eq!(listed["keys"], json!(ring.keys));
    assert!(!listed.to_string().contains("\"d\""), "{listed}");
    assert_eq!(cloud.take_operations(), ["GetItem"]);
}

#[tokio::test]
async fn a_rotation_publishes_a_missing_next_key_then_waits_two_hours() {
    let cloud = Cloud::start().await;
    cloud.new_ring().await;
    let rotate = json!({ "command": "keys.rotate" });
    // A ring with one key, as `login` creates it.
    let next = run(&cloud, json!({ "command": "keys.reset" }), NOW).await.unwrap();
    let first = kids(&next.keys, KeyState::Current);
    cloud.take_operations();
    let published = run(&cloud, rotate.clone(), NOW).await.unwrap().keys;
    assert_eq!(cloud.take_operations(), ["GetItem", "Encrypt", "PutItem"]);
    assert_eq!(kids(&published, KeyState::Current), first);
    let next = kids(&published, KeyState::Next);

    let refused = run(&cloud, rotate.clone(), NOW + Duration::from_mins(5)).await.unwrap_err();
    assert!(refused.to_string().contains("published 5 min ago"), "{refused}");
    assert!(refused.to_string().contains("--force"), "{refused}");
    assert_eq!(cloud.take_operations(), ["GetItem"]);

    let rotated = run(&cloud, rotate, NOW + MIN_PUBLIC_TIME).await.unwrap().keys;
    assert_eq!(cloud.take_operations(), ["GetItem", "Encrypt", "PutItem"]);
    assert_eq!(kids(&rotated, KeyState::Current), next);
    assert!(kids(&rotated, KeyState::Previous).contains(&first[0]));
    assert_eq!(kids(&rotated, KeyState::Next).len(), 1);
}

#[tokio::test]
async fn a_forced_rotation_makes_at_most_four_calls() {
    let cloud = Cloud::start().await;
    cloud.new_ring().await;
    let force = json!({ "command": "keys.rotate", "force": true });
    let rotated = run(&cloud, force.clone(), NOW).await.unwrap().keys;
    assert_eq!(cloud.take_operations(), ["GetItem", "Encrypt", "PutItem"]);
    // Without a next key it generates two.
    let reset = run(&cloud, json!({ "command": "keys.reset" }), NOW).await.unwrap().keys;
    assert!(kids(&reset, KeyState::Previous).contains(&kids(&rotated, KeyState::Current)[0]));
    cloud.take_operations();
    let forced = run(&cloud, force, NOW).await.unwrap().keys;
    assert_eq!(cloud.take_operations(), ["GetItem", "Encrypt", "Encrypt", "PutItem"]);
    assert_ne!(kids(&forced, KeyState::Current), kids(&reset, KeyState::Current));
    assert_eq!(kids(&forced, KeyState::Next).len(), 1);
}

#[tokio::test]
async fn maintenance_writes_once_if_something_is_due_and_else_not_at_all() {
    let cloud = Cloud::start().await;
    let maintain = json!({ "command": "keys.maintain" });
    let none = run(&cloud, maintain.clone(), NOW).await.unwrap();
    assert!(none.keys.keys.is_empty(), "there is no ring to maintain");
    assert_eq!(cloud.take_operations(), ["GetItem"]);
    let ring = cloud.new_ring().await;
    for hours in [0, 1, 24, 24 * 29] {
        let now = NOW + Duration::from_hours(hours);
        let maintained = run(&cloud, maintain.clone(), now).await.unwrap();
        assert_eq!(
            (maintained.keys, cloud.take_operations()),
            (ring.clone(), vec!["GetItem".into()])
        );
    }
    let rotated = run(&cloud, maintain, NOW + KEY_POLICY.period).await.unwrap().keys;
    assert_eq!(cloud.take_operations(), ["GetItem", "Encrypt", "PutItem"]);
    assert_eq!(kids(&rotated, KeyState::Current), kids(&ring, KeyState::Next));
}

#[tokio::test]
async fn a_retired_key_is_removed_and_retiring_it_again_has_no_effect() {
    let cloud = Cloud::start().await;
    let ring = cloud.new_ring().await;
    let kid = &kids(&ring, KeyState::Current)[0];
    let retire = json!({ "command": "keys.retire", "kid": kid });
    let left = run(&cloud, retire.clone(), NOW).await.unwrap();
    assert_eq!(cloud.take_operations(), ["GetItem", "Encrypt", "PutItem"]);
    assert_eq!(kids(&left.keys, KeyState::Current), kids(&ring, KeyState::Next));
    assert!(left.keys.find(kid).is_none());
    assert_eq!(run(&cloud, retire, NOW).await.unwrap(), left);
    assert_eq!(cloud.take_operations(), ["GetItem"]);
    let unknown = json!({ "command": "keys.retire", "kid": "unknown" });
    let refused = run(&cloud, unknown, NOW).await.unwrap_err();
    assert!(matches!(refused, AdminError::Ring(RingError::UnknownKey(_))), "{refused}");
}

#[tokio::test]
async fn only_a_reset_with_discard_overwrites_an_unreadable_ring() {
    let cloud = Cloud::start().await;
    cloud.new_ring().await;
    let item = cloud.item().await.unwrap();
    let damaged = RingItem { version: "damaged".to_owned(), public: "{}".to_owned(), ..item };
    cloud.put_item(&damaged).await;
    for command in [
        json!({ "command": "keys.list" }),
        json!({ "command": "keys.maintain" }),
        json!({ "command": "keys.rotate", "force": true }),
        json!({ "command": "keys.retire", "kid": "a" }),
        json!({ "command": "keys.reset" }),
    ] {
        let refused = run(&cloud, command.clone(), NOW).await.unwrap_err();
        assert!(matches!(refused, AdminError::Ring(RingError::Invalid(_))), "{command}: {refused}");
        assert_eq!(cloud.item().await.as_ref(), Some(&damaged), "{command}");
    }
    let discard = json!({ "command": "keys.reset", "discard": true });
    let reset = run(&cloud, discard, NOW).await.unwrap();
    assert_eq!(reset.keys.keys.len(), 1);
}

#[tokio::test]
async fn an_event_that_is_not_a_command_is_refused() {
    let cloud = Cloud::start().await;
    let ring = cloud.new_ring().await;
    for event in [
        json!(null),
        json!("keys.list"),
        json!({}),
        json!({ "command": "list" }),
        json!({ "command": "keys.delete" }),
        json!({ "command": "keys.retire" }),
        json!({ "command": "keys.retire", "kid": 1 }),
        json!({ "command": "keys.rotate", "force": "yes" }),
        json!({ "command": "keys.rotate", "forced": true }),
        json!({ "command": "keys.list", "kid": "a" }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event" }),
        json!({ "Step": "createSecret", "SecretId": "a", "ClientRequestToken": "b" }),
    ] {
        let refused = run(&cloud, event.clone(), NOW).await.unwrap_err();
        assert!(matches!(refused, AdminError::Request(_)), "{event}: {refused}");
    }
    assert!(cloud.take_operations().is_empty());
    assert_eq!(run(&cloud, json!({ "command": "keys.list" }), NOW).await.unwrap().keys, ring);
}

#[tokio::test]
async fn the_sample_events_are_valid_commands() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let (name, event) = (file.file_name(), std::fs::read_to_string(file.path()).unwrap());
        let name = name.to_str().unwrap();
        if name.starts_with("admin-keys-") {
            serde_json::from_str::<KeyCommand>(&event).unwrap();
            count += 1;
        } else if name.starts_with("admin-users-") {
            serde_json::from_str::<UserCommand>(&event).unwrap();
            count += 1;
        }
    }
    assert_eq!(count, 5 + 12);
}

/// Fails each call of each command with each fault, then repeats the command.
#[tokio::test]
async fn an_interrupted_command_leaves_a_valid_ring_and_can_be_repeated() {
    let cloud = Cloud::start().await;
    let later = NOW + KEY_POLICY.period;
    for fault in [Fault::DropRequest, Fault::DropReply, Fault::Error("AccessDeniedException")] {
        for command in ["maintain", "rotate", "retire", "reset"] {
            for call in 1..=4 {
                let before = cloud.new_ring().await;
                let kid = &kids(&before, KeyState::Current)[0];
                let command = match command {
                    "rotate" => json!({ "command": "keys.rotate", "force": true }),
                    "retire" => json!({ "command": "keys.retire", "kid": kid }),
                    other => json!({ "command": format!("keys.{other}") }),
                };
                cloud.take_operations();
                // As many as the client attempts.
                cloud.proxy.inject_from(call, fault, 3);
                let outcome = run(&cloud, command.clone(), later).await;
                cloud.proxy.heal();
                let after = cloud.item().await.unwrap();
                // The ring is valid, and its current private key decrypts.
                let ring = latchkey_keys::KeyRing::parse(&after).unwrap();
                let kms = cloud.kms().await;
                latchkey_keys::open_current(&ring, &kms).await.unwrap();
                let is_done = *ring.public() != before;
                assert!(outcome.is_err() || is_done, "{command} at {call}: {fault:?}");
                if !is_done || command["command"] == "keys.retire" {
                    run(&cloud, command.clone(), later).await.unwrap();
                }
                let ring = PublicRing::parse(&cloud.item().await.unwrap().public).unwrap();
                assert!(!kids(&ring, KeyState::Current).contains(kid), "{command} at {call}");
            }
        }
    }
}
