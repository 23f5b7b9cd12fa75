//! A key ring that is damaged, deleted or cannot be decrypted.

use std::time::Instant;

use latchkey_keys::{KeyCommand, KeyState};
use latchkey_tests::{
    keys::{Operator, kid_in, kid_of, kids, kill, settings},
    stack::{Stack, Tokens},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    DEADLINE, POLL_INTERVAL, VERIFIERS, assert_accepted, assert_unavailable, is_without_keys,
    wait_for,
};

/// A damaged item of the ring, and the expected problem in the log.
struct Damage {
    name: &'static str,
    item: Value,
    problem: &'static str,
    /// Whether the public keys are damaged, so that verifiers fail too.
    affects_verifiers: bool,
}

/// The item with `half` instead of each private half.
fn with_sealed(item: &Value, half: &Value) -> Value {
    let mut item = item.clone();
    item["version"]["S"] = "damaged".into();
    let halves = item["sealed"]["M"].as_object_mut().unwrap();
    halves.values_mut().for_each(|sealed| *sealed = half.clone());
    item
}

/// Damaged variants of the item of a ring with a current, a next and a retired key.
fn damages(good: &Value) -> Vec<Damage> {
    let public: Value = serde_json::from_str(good["public"]["S"].as_str().unwrap()).unwrap();
    let with_public = |text: String| {
        let mut item = good.clone();
        item["public"]["S"] = text.into();
        item["version"]["S"] = "damaged".into();
        item
    };
    let changed = |pointer: &str, value: Value| {
        let mut public = public.clone();
        *public.pointer_mut(pointer).unwrap() = value;
        with_public(public.to_string())
    };
    let whole = public.to_string();
    let mut without_version = good.clone();
    without_version.as_object_mut().unwrap().remove("version");
    without_version["public"] = json!({ "N": "1" });
    let mut without_halves = with_sealed(good, &Value::Null);
    without_halves["sealed"]["M"] = json!({});
    let of_public = [
        ("no JSON", with_public("keys".to_owned()), "not JSON"),
        ("half of it", with_public(whole[..whole.len() / 2].to_owned()), "not JSON"),
        ("other attributes", without_version, "not JSON"),
        ("no keys", changed("/keys", json!([])), "one current key"),
        ("two current keys", changed("/keys/1/state", "current".into()), "one current key"),
        (
            "a point off the curve",
            changed("/keys/0/y", public["keys"][0]["x"].clone()),
            "valid key",
        ),
        ("two keys of one id", changed("/keys/1/kid", public["keys"][0]["kid"].clone()), "the id"),
        ("a retired key", changed("/keys/1/kid", public["retired"][0]["kid"].clone()), "retired"),
        ("a key to encrypt", changed("/keys/0/use", "enc".into()), "`use` is not `sig`"),
    ];
    let of_private = [
        ("halves that do not open", with_sealed(good, &json!({ "B": "AAAA" })), "cannot be opened"),
        ("no halves", without_halves, "has no private half"),
    ];
    let damage = |affects_verifiers| {
        move |(name, item, problem)| Damage { name, item, problem, affects_verifiers }
    };
    of_public.into_iter().map(damage(true)).chain(of_private.map(damage(false))).collect()
}

/// Repeats an action until the log after the first `from` bytes has a line with all words.
async fn until_logged(stack: &Stack, from: usize, words: &[&str], action: impl AsyncFn()) {
    let since = Instant::now();
    loop {
        action().await;
        let log = stack.log()[from..].to_owned();
        if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        assert!(since.elapsed() < DEADLINE, "no line with {words:?} in:\n{log}");
        sleep(POLL_INTERVAL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ring_is_503_and_the_same_processes_recover() {
    let stack = settings("1").start();
    let operator = Operator::of(&stack);
    let first = operator.force_rotation().await.unwrap();
    operator.retire(kid_in(&first, KeyState::Next)).await.unwrap();
    let good = operator.item().await;
    for user in ["alice", "bob"] {
        assert_eq!(stack.sign_up(user).await.status, 201);
    }
    let log_in = async || stack.log_in("bob").await;
    wait_for(200, &log_in).await;
    let earlier = stack.tokens_of("alice").await;
    let mut refresh = Tokens::of(&stack.refresh(&earlier.refresh).await).refresh;
    assert_accepted(&stack, &earlier.access).await;

    for (number, damage) in damages(&good).into_iter().enumerate() {
        let Damage { name, item, problem, affects_verifiers } = damage;
        let from = stack.log().len();
        operator.put_item(&item).await;
        if number % 2 == 1 {
            // For half of the variants the processes never had another ring.
            kill(&stack, &["login", "refresh", "protected", "authorizer", "discovery"]).await;
        }
        let renew = async || stack.refresh(&refresh).await;
        assert_unavailable(&wait_for(503, &log_in).await);
        assert_unavailable(&wait_for(503, &renew).await);
        for (function, path) in VERIFIERS {
            let ask = async || stack.get(path, &earlier.access).await;
            if affects_verifiers {
                let since = Instant::now();
                while !is_without_keys(&ask().await) {
                    assert!(since.elapsed() < DEADLINE, "{name}: {path}");
                    sleep(POLL_INTERVAL).await;
                }
                until_logged(&stack, from, &[function, problem], async || ()).await;
            } else {
                assert_eq!(ask().await.status, 200, "{name}: {path}");
            }
        }
        for function in ["login", "refresh"] {
            until_logged(&stack, from, &[function, "keys not fetched", problem], async || ()).await;
        }
        assert_eq!(operator.item().await, item, "{name}: unchanged");

        let functions = stack.functions();
        operator.put_item(&good).await;
        wait_for(200, &log_in).await;
        refresh = Tokens::of(&wait_for(200, &renew).await).refresh;
        for (_, path) in VERIFIERS {
            wait_for(200, async || stack.get(path, &earlier.access).await).await;
        }
        assert_eq!(stack.functions(), functions, "{name}: same processes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_ring_ends_sessions_and_the_next_login_creates_a_ring() {
    let stack = settings("1").start();
    let operator = Operator::of(&stack);
    let before = operator.list().await;
    assert_eq!(stack.sign_up("alice").await.status, 201);
    let earlier = stack.tokens_of("alice").await;
    assert_accepted(&stack, &earlier.access).await;
    operator.put_item(&Value::Null).await;
    let report = operator.run(&KeyCommand::List {}).await.unwrap_err();
    assert!(report["errorMessage"].as_str().unwrap().contains("no key ring yet"), "{report}");
    wait_for(503, async || stack.refresh(&earlier.refresh).await).await;
    assert_eq!(operator.item().await, Value::Null, "only `login` creates a ring");

    // A new process of `login` creates the ring at its start.
    kill(&stack, &["login"]).await;
    let newer = stack.tokens_of("alice").await;
    assert_ne!(kid_of(&newer.access), kid_in(&before, KeyState::Current));
    wait_for(200, async || stack.get("/protected", &newer.access).await).await;
    wait_for(401, async || stack.get("/protected", &earlier.access).await).await;
    let after = operator.list().await;
    assert_eq!(kids(&after), [kid_of(&newer.access)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_after_the_loss_of_the_kms_key_keeps_sessions() {
    let stack = settings("1").start();
    let operator = Operator::of(&stack);
    assert_eq!(stack.sign_up("alice").await.status, 201);
    let earlier = stack.tokens_of("alice").await;
    let good = operator.item().await;
    operator.put_item(&with_sealed(&good, &json!({ "B": "AAAA" }))).await;
    wait_for(503, async || stack.log_in("alice").await).await;
    assert_eq!(stack.get("/protected", &earlier.access).await.status, 200);

    operator.run(&KeyCommand::Reset { discard: false }).await.unwrap();
    wait_for(200, async || stack.log_in("alice").await).await;
    let renewed = stack.refresh(&earlier.refresh).await;
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_accepted(&stack, &earlier.access).await;
    assert_accepted(&stack, renewed.text("access_token")).await;

    operator.run(&KeyCommand::Reset { discard: true }).await.unwrap();
    wait_for(401, async || stack.get("/protected", &earlier.access).await).await;
    wait_for(200, async || stack.log_in("alice").await).await;
}
