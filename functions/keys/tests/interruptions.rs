//! Rotations and retirements that are cut short at every call, and that meet each other at every
//! call: one consistent ring, no lost key, and no retired one back.
//! Longer than the rest because each way to be cut short, and each to meet, is tried at every call.
#![cfg(test)]

mod scene;

use auth_store::{MoveRing as _, RingStage};
use auth_testkit::subject::NOW;
use auth_token::{KeyState, PublishedRing, Timestamp};
use keys::KeysError;
use scene::{HOUR, Happening, STEPS, Scene, Script, take, take_all};
use serde_json::json;

/// How a call can go wrong.
const CUTS: [fn() -> Happening; 3] =
    [|| Happening::DiesBefore, || Happening::DiesAfter, || Happening::LosesReply];

/// More calls than anything makes.
const MANY: usize = 60;

fn kid_of(ring: &PublishedRing, state: KeyState) -> String {
    ring.in_state(state).unwrap_or_else(|| panic!("no {state} key")).jwk.kid.clone()
}

/// What must be true at every moment: what can sign is published as what it is.
async fn assert_what_signs_is_published(scene: &Scene) {
    let (ring, published) = (scene.ring().await, scene.published().await);
    let current = ring.current_kid();
    assert!(published.find(current).is_some(), "{current} signs unpublished");
}

async fn assert_whole(scene: &Scene) {
    let (ring, published) = (scene.ring().await, scene.published().await);
    assert_eq!(ring.published(), published, "secret and table disagree");
    ring.prove(&published).unwrap();
}

/// A deployment on its third key.
async fn third_ring() -> Scene {
    let scene = Scene::with_ring().await;
    scene.rotate(NOW + HOUR).await.unwrap();
    scene
}

#[tokio::test]
async fn a_rotation_that_is_cut_short_anywhere_is_completed_by_the_next_try() {
    for happening in CUTS {
        let mut cuts = 0;
        for at in 0..MANY {
            let scene = third_ring().await;
            let before = scene.published().await;
            let script = Script::new(at, happening());
            let dying = scene.scripted(&script);
            let version = scene.begin();
            let now = NOW + HOUR + HOUR;
            let outcome = take_all(&dying, &version, now).await;
            assert_what_signs_is_published(&scene).await;
            if !script.has_happened() {
                outcome.unwrap();
                break;
            }
            cuts += 1;
            take_all(&scene.keys(), &version, now).await.unwrap();

            assert_whole(&scene).await;
            let after = scene.published().await;
            assert_eq!(kid_of(&after, KeyState::Current), kid_of(&before, KeyState::Next), "{at}");
            assert_eq!(after.keys.len(), before.keys.len() + 1, "{at}");
            for key in &before.keys {
                assert!(after.keys.iter().any(|kept| kept.jwk == key.jwk), "{at}: lost {key:?}");
            }
        }
        assert!((12..MANY).contains(&cuts), "cut short at {cuts} calls");
    }
}

#[tokio::test]
async fn the_first_rotation_that_is_cut_short_anywhere_is_completed_by_the_next_try() {
    for happening in CUTS {
        for at in 0..MANY {
            let scene = Scene::new().await;
            let script = Script::new(at, happening());
            let dying = scene.scripted(&script);
            let version = scene.begin();
            take_all(&dying, &version, NOW).await.ok();
            if !script.has_happened() {
                break;
            }
            take_all(&scene.keys(), &version, NOW).await.unwrap();
            assert_whole(&scene).await;
            assert_eq!(scene.published().await.keys.len(), 2, "{at}");
        }
    }
}

#[tokio::test]
async fn a_retirement_that_is_cut_short_anywhere_is_completed_by_the_next_try() {
    for state in [KeyState::Current, KeyState::Next, KeyState::Previous] {
        for happening in CUTS {
            for at in 0..MANY {
                let scene = third_ring().await;
                let kid = kid_of(&scene.published().await, state);
                let script = Script::new(at, happening());
                let dying = scene.scripted(&script);
                let retire = json!({ "Operation": "retire", "KeyId": kid });
                let now = NOW + HOUR + HOUR;
                dying.handle(retire, now).await.ok();
                assert_what_signs_is_published(&scene).await;
                if !script.has_happened() {
                    break;
                }
                // All that was left to do may have been the answer.
                let again = scene.retire(&kid, now).await;
                assert!(matches!(again, Ok(_) | Err(KeysError::UnknownKey(_))), "{again:?}");
                assert_whole(&scene).await;
                assert!(!scene.kids().await.contains(&kid), "{state} at {at}");
                // A stage that was left behind is in no rotation's way.
                let version = scene.ask_for_rotation(now).await;
                take_all(&scene.keys(), &version, now).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn the_next_key_of_a_rotation_under_way_can_be_retired_and_does_not_come_back() {
    for happening in CUTS {
        for at in 0..MANY {
            let scene = third_ring().await;
            let now = NOW + HOUR + HOUR;
            let version = scene.begin();
            for step in ["createSecret", "setSecret"] {
                take(&scene.keys(), step, &version, now).await.unwrap();
            }
            let kid = kid_of(&scene.published().await, KeyState::Next);
            assert!(scene.ring().await.published().find(&kid).is_none());

            let script = Script::new(at, happening());
            let retire = json!({ "Operation": "retire", "KeyId": kid });
            let outcome = scene.scripted(&script).handle(retire, now).await;
            if script.has_happened() {
                scene.retire(&kid, now).await.ok();
            } else {
                outcome.unwrap();
            }
            assert!(!scene.kids().await.contains(&kid), "at {at}");
            // Secrets Manager goes on where it was, and then begins anew.
            for step in STEPS {
                take(&scene.keys(), step, &version, now).await.ok();
                assert!(!scene.kids().await.contains(&kid), "at {at}, {step}");
            }
            if !script.has_happened() {
                scene.rotate(now + HOUR).await.unwrap();
                assert_whole(&scene).await;
                break;
            }
        }
    }
}

/// A rotation in which a key is retired before its call number `at`; the key must not come back.
async fn rotation_met_by_a_retirement(at: usize, state: KeyState) -> bool {
    let scene = third_ring().await;
    let kid = kid_of(&scene.published().await, state);
    let now = NOW + HOUR + HOUR;
    let (other, retired) = (scene.clone(), kid.clone());
    let script = Script::meanwhile(at, move || {
        let (other, retired) = (other.clone(), retired.clone());
        async move { drop(other.retire(&retired, now).await.unwrap()) }
    });
    let met = scene.scripted(&script);
    let version = scene.begin();
    let outcome = take_all(&met, &version, now).await;
    if !script.has_happened() {
        return false;
    }
    assert_what_signs_is_published(&scene).await;
    assert!(!scene.kids().await.contains(&kid), "{state} at {at}: {outcome:?}");
    // Secrets Manager tries again, and then begins anew.
    take_all(&scene.keys(), &version, now).await.ok();
    assert!(!scene.kids().await.contains(&kid), "{state} at {at}, again");
    scene.rotate(now + HOUR).await.unwrap();
    assert_whole(&scene).await;
    assert!(!scene.kids().await.contains(&kid), "{state} at {at}, after the next rotation");
    true
}

#[tokio::test]
async fn a_retirement_cancels_a_rotation_under_way() {
    for state in [KeyState::Current, KeyState::Next, KeyState::Previous] {
        for at in 0..MANY {
            if !rotation_met_by_a_retirement(at, state).await {
                assert!(at > 12, "only {at} calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_retirement_that_meets_a_rotation_is_carried_out_on_what_it_made() {
    for state in [KeyState::Current, KeyState::Next, KeyState::Previous] {
        for at in 0..MANY {
            let scene = third_ring().await;
            let kid = kid_of(&scene.published().await, state);
            let now = NOW + HOUR + HOUR;
            let version = scene.begin();
            let (other, begun) = (scene.clone(), version.clone());
            let script = Script::meanwhile(at, move || {
                let (other, begun) = (other.clone(), begun.clone());
                // It may find itself cancelled.
                async move { drop(take_all(&other.keys(), &begun, now).await) }
            });
            let met = scene.scripted(&script);
            let retire = json!({ "Operation": "retire", "KeyId": kid });
            let outcome = met.handle(retire.clone(), now).await;
            if !script.has_happened() {
                break;
            }
            assert_what_signs_is_published(&scene).await;
            // One that found everything changed again and again says so, and is asked again.
            if outcome.is_err() {
                scene.retire(&kid, now).await.unwrap();
            }
            assert!(!scene.kids().await.contains(&kid), "{state} at {at}: {outcome:?}");
            scene.rotate(now + HOUR).await.unwrap();
            assert_whole(&scene).await;
            assert!(!scene.kids().await.contains(&kid), "{state} at {at}, after a rotation");
        }
    }
}

/// A rotation that begins before one call of a retirement and ends before another.
#[tokio::test]
async fn a_rotation_that_begins_and_ends_within_a_retirement_leaves_one_ring() {
    for begins in 0..MANY {
        let mut has_begun = true;
        for ends in begins + 1..MANY {
            let scene = third_ring().await;
            // As Secrets Manager may, so that another rotation can begin at any time.
            let pending = scene.in_stage(RingStage::Pending).await.unwrap();
            scene.secret.move_stage(RingStage::Pending, Some(&pending), None).await.unwrap();
            let kid = kid_of(&scene.published().await, KeyState::Current);
            let now = NOW + HOUR + HOUR;
            let (first, last) = (scene.clone(), scene.clone());
            let script = Script::meanwhile(begins, move || {
                let scene = first.clone();
                async move {
                    let version = scene.begin();
                    for step in &STEPS[..3] {
                        take(&scene.keys(), step, &version, now).await.ok();
                    }
                }
            });
            let script = script.and_then(ends, move || {
                let scene = last.clone();
                async move {
                    if let Some(version) = scene.in_stage(RingStage::Pending).await {
                        take(&scene.keys(), "finishSecret", &version, now).await.ok();
                    }
                }
            });
            let retire = json!({ "Operation": "retire", "KeyId": kid });
            let outcome = scene.scripted(&script).handle(retire, now).await;
            let place = format!("{begins} to {ends}: {outcome:?}");
            if outcome.is_err() {
                scene.retire(&kid, now).await.unwrap_or_else(|e| panic!("{place}: {e}"));
            }
            has_begun = script.has_happened();
            assert!(!scene.kids().await.contains(&kid), "{place}");
            let current = scene.in_stage(RingStage::Current).await;
            let pending = scene.in_stage(RingStage::Pending).await;
            if let Some(version) = pending.filter(|pending| Some(pending) != current.as_ref()) {
                take_all(&scene.keys(), &version, now).await.ok();
            }
            assert_eq!(scene.list().await["agree"], true, "{place}");
            assert!(!scene.kids().await.contains(&kid), "{place}, afterwards");
            if !script.has_come_to(ends) {
                break;
            }
        }
        if !has_begun {
            break;
        }
    }
}

/// A retirement that looked before a rotation's end publishes what it saw.
#[tokio::test]
async fn what_is_published_while_a_rotation_ends_does_not_outlast_it() {
    for at in 0..MANY {
        let scene = third_ring().await;
        let now = NOW + HOUR + HOUR;
        let other = scene.clone();
        let script = Script::meanwhile(at, move || {
            let scene = other.clone();
            async move { scene.publish(&scene.ring().await.published()).await }
        });
        let version = scene.begin();
        let outcome = take_all(&scene.scripted(&script), &version, now).await;
        if !script.has_happened() {
            assert!(at > 12, "only {at} calls");
            break;
        }
        if outcome.is_err() {
            take_all(&scene.keys(), &version, now).await.unwrap();
        }
        assert_whole(&scene).await;
    }
}

#[tokio::test]
async fn of_two_retirements_at_a_time_neither_brings_back_the_others_key() {
    let states = [KeyState::Current, KeyState::Next, KeyState::Previous];
    let pairs = states.into_iter().flat_map(|first| states.map(|second| (first, second)));
    for (first, second) in pairs.filter(|(first, second)| first != second) {
        for at in 0..MANY {
            let scene = third_ring().await;
            let published = scene.published().await;
            let (kid, other) = (kid_of(&published, first), kid_of(&published, second));
            let now = NOW + HOUR + HOUR;
            let (another, retired) = (scene.clone(), other.clone());
            let script = Script::meanwhile(at, move || {
                let (another, retired) = (another.clone(), retired.clone());
                async move { drop(another.retire(&retired, now).await.unwrap()) }
            });
            let retire = json!({ "Operation": "retire", "KeyId": kid });
            let outcome = scene.scripted(&script).handle(retire, now).await;
            if !script.has_happened() {
                assert!(at > 6, "only {at} calls");
                break;
            }
            outcome.unwrap_or_else(|refused| panic!("{first}, {second} at {at}: {refused}"));
            assert_whole(&scene).await;
            let kids = scene.kids().await;
            assert!(!kids.contains(&kid), "{first}, {second} at {at}: the first is back");
            assert!(!kids.contains(&other), "{first}, {second} at {at}: the second is back");
        }
    }
}

#[tokio::test]
async fn two_sandboxes_that_take_the_same_steps_make_one_ring() {
    for at in 0..MANY {
        let scene = third_ring().await;
        let before = scene.published().await;
        let now = NOW + HOUR + HOUR;
        let version = scene.begin();
        let (other, begun) = (scene.clone(), version.clone());
        let script = Script::meanwhile(at, move || {
            let (other, begun) = (other.clone(), begun.clone());
            async move { take_all(&other.keys(), &begun, now).await.unwrap() }
        });
        let met = scene.scripted(&script);
        take_all(&met, &version, now).await.ok();
        if !script.has_happened() {
            break;
        }
        assert_whole(&scene).await;
        let after = scene.published().await;
        assert_eq!(kid_of(&after, KeyState::Current), kid_of(&before, KeyState::Next), "{at}");
    }
}

#[tokio::test]
async fn a_rotation_that_took_longer_than_it_may_is_cancelled() {
    let scene = third_ring().await;
    let version = scene.begin();
    take(&scene.keys(), "createSecret", &version, NOW).await.unwrap();
    let late = Timestamp::from_unix(NOW.unix()) + HOUR * 25;
    for step in STEPS {
        let refused = take(&scene.keys(), step, &version, late).await;
        let is_refused = matches!(refused, Err(KeysError::Overtaken | KeysError::NotPending(_)));
        assert!(is_refused, "{step}: {refused:?}");
    }
    scene.rotate(late).await.unwrap();
    assert_whole(&scene).await;
}
