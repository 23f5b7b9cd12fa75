//! Keys that rotate, are retired, cannot be opened or are out of reach, over the real binaries.
//! Longer than the rest because each way to damage a ring is tried on every function that reads it.
#![cfg(test)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_keys::{KeyCommand, KeyState};
use latchkey_testkit::{
    forge::{sign_with_foreign_key, with},
    proxy::{DynamoProxy, Fault},
};
use latchkey_tests::{
    keys::{Operator, header_of, kid_in, kid_of, kids, kill, settings},
    stack::{Answer, Stack, Tokens, claims_of},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

const STEP: Duration = Duration::from_millis(100);
/// A request waits half a second for newer keys and is then served with the last ones, which happens
/// where the machine stands still.
const SLACK: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);
const KEY_SET: &str = "/.well-known/jwks.json";

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.text("error")), (503, "unavailable"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
}

/// Asks until the answer has that status, which must be no later than a second and the slack: as
/// old as keys may become where this is used.
async fn wait_for(status: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let since = Instant::now();
    loop {
        let sent = since.elapsed();
        let answer = ask().await;
        if answer.status == status {
            return answer;
        }
        assert!(sent < Duration::from_secs(1) + SLACK, "still {answer:?}");
        sleep(STEP).await;
    }
}

/// One route of each function that takes tokens.
const ROUTES: [&str; 5] = ["/protected", "/me", "/workitems", "/logout", "/refresh"];

async fn ask(stack: &Stack, route: &str, tokens: &Tokens) -> Answer {
    match route {
        "/logout" => stack.log_out(&tokens.access).await,
        "/refresh" => stack.refresh(&tokens.refresh).await,
        path => stack.get(path, &tokens.access).await,
    }
}

/// Whether the machine stood still while keys were fetched, so that nothing is known of the key.
fn is_late(answer: &Answer) -> bool {
    [500, 503].contains(&answer.status)
}

fn is_refused(route: &str, answer: &Answer) -> bool {
    if route == "/workitems" {
        // The gateway's own words.
        return (answer.status, answer.text("message")) == (403, "Forbidden");
    }
    (answer.status, answer.text("error")) == (401, "invalid_token")
}

const AGE: Duration = Duration::from_secs(2);

/// When the last request was sent that was not refused, counted from `since`.
async fn last_success(stack: &Stack, route: &str, tokens: &Tokens, since: Instant) -> Duration {
    let mut last = Duration::ZERO;
    while since.elapsed() < AGE + 2 * SLACK {
        let sent = since.elapsed();
        let answer = ask(stack, route, tokens).await;
        if !is_refused(route, &answer) && !is_late(&answer) {
            assert_eq!(answer.status, 200, "{route}: {answer:?}");
            last = sent;
        }
        sleep(STEP).await;
    }
    last
}

/// When the last login was asked for that another key than `kid` has signed.
async fn last_login_by_another(stack: &Stack, kid: &str, since: Instant) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let sent = since.elapsed();
        let access = stack.tokens_of("bob").await.access;
        if kid_of(&access) == kid {
            // Verifiers know the key since it was published as the next one.
            assert_eq!(stack.get("/protected", &access).await.status, 200);
            assert_eq!(stack.get("/workitems", &access).await.status, 200);
            return last;
        }
        assert!(sent < AGE + SLACK, "{kid} does not sign");
        last = sent;
        sleep(STEP).await;
    }
}

async fn published(stack: &Stack) -> Vec<String> {
    let answer = stack.get(KEY_SET, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let keys = answer.body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// When the key set was last asked for that still had the key.
async fn last_publication(stack: &Stack, kid: &str, since: Instant) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let sent = since.elapsed();
        if !published(stack).await.iter().any(|other| other == kid) {
            return last;
        }
        assert!(sent < AGE + SLACK, "{kid} is still published");
        last = sent;
        sleep(STEP).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the bound is measured")]
async fn a_retired_keys_tokens_are_refused_within_the_bound() {
    let stack = Arc::new(settings("2").start());
    let operator = Operator::of(&stack);
    let ring = operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    let (retired, heir) = (kid_in(&ring, KeyState::Current), kid_in(&ring, KeyState::Next));
    for user in ["alice", "bob"] {
        assert_eq!(stack.sign_up(user).await.status, 201);
    }
    let mut sessions = Vec::new();
    for route in ROUTES {
        let tokens = stack.tokens_of("alice").await;
        assert_eq!(kid_of(&tokens.access), retired);
        // Warm, and remembered as genuine.
        assert_eq!(ask(&stack, route, &tokens).await.status, 200, "{route}");
        sessions.push((route, tokens));
    }
    assert_eq!(published(&stack).await, [retired, heir]);

    let left = operator.retire(retired).await.unwrap();
    let since = Instant::now();
    assert_eq!(kid_in(&left, KeyState::Current), heir);
    assert!(!kids(&left).contains(&retired), "{left:?}");
    let mut watches = JoinSet::new();
    for (route, tokens) in sessions {
        let stack = Arc::clone(&stack);
        watches.spawn(async move { (route, last_success(&stack, route, &tokens, since).await) });
    }
    let (signed, listed) = tokio::join!(
        last_login_by_another(&stack, heir, since),
        last_publication(&stack, retired, since),
    );
    let mut times = watches.join_all().await;
    times.extend([("signing", signed), ("key set", listed)]);
    for (what, last) in times {
        println!("{what}: the retired key was last good {} ms after", last.as_millis());
        assert!(last < AGE + SLACK, "{what}: {last:?}");
    }
    assert_eq!(operator.retire(retired).await.unwrap(), left, "it is retired already");
    let unknown = operator.retire("unknown").await.unwrap_err();
    assert_eq!(unknown["errorType"], "Refused", "{unknown}");
}

/// A way to damage the ring's item, and words of what the log says of it.
struct Damage {
    name: &'static str,
    item: Value,
    problem: &'static str,
    /// Whether verifiers are hit too, which read the public halves alone.
    hits_verifiers: bool,
}

/// The item with that in place of each private half.
fn with_sealed(item: &Value, half: &Value) -> Value {
    let mut item = item.clone();
    item["version"]["S"] = "damaged".into();
    let halves = item["sealed"]["M"].as_object_mut().unwrap();
    halves.values_mut().for_each(|sealed| *sealed = half.clone());
    item
}

/// What the item of a ring of a current, a next and a retired key becomes by being damaged.
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
    let damage = |hits_verifiers| {
        move |(name, item, problem)| Damage { name, item, problem, hits_verifiers }
    };
    of_public.into_iter().map(damage(true)).chain(of_private.map(damage(false))).collect()
}

/// Does something again and again until the log has a line with all these words after its first
/// `from` bytes.
async fn until_logged(stack: &Stack, from: usize, words: &[&str], meanwhile: impl AsyncFn()) {
    let since = Instant::now();
    loop {
        meanwhile().await;
        let log = stack.log()[from..].to_owned();
        if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "no line with {words:?} in:\n{log}");
        sleep(STEP).await;
    }
}

async fn assert_accepted(stack: &Stack, token: &str) {
    for path in ["/protected", "/workitems"] {
        let answer = stack.get(path, token).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

/// Verifiers, each with a route that needs keys.
const VERIFIERS: [(&str, &str); 3] =
    [("protected", "/protected"), ("authorizer", "/workitems"), ("discovery", KEY_SET)];

/// Whether a verifier has no keys.
fn is_without_keys(answer: &Answer) -> bool {
    let of_gateway = (answer.status, answer.text("message")) == (500, "Internal Server Error");
    of_gateway || (answer.status, answer.text("error")) == (503, "unavailable")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ring_is_503_and_the_very_same_processes_recover() {
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
        let Damage { name, item, problem, hits_verifiers } = damage;
        let from = stack.log().len();
        operator.put_item(&item).await;
        if number % 2 == 1 {
            // Half of them are met by processes that have never had another.
            kill(&stack, &["login", "refresh", "protected", "authorizer", "discovery"]).await;
        }
        let renew = async || stack.refresh(&refresh).await;
        assert_unavailable(&wait_for(503, &log_in).await);
        assert_unavailable(&wait_for(503, &renew).await);
        for (function, path) in VERIFIERS {
            let ask = async || stack.get(path, &earlier.access).await;
            if hits_verifiers {
                let since = Instant::now();
                while !is_without_keys(&ask().await) {
                    assert!(since.elapsed() < PATIENCE, "{name}: {path}");
                    sleep(STEP).await;
                }
                until_logged(&stack, from, &[function, problem], async || ()).await;
            } else {
                assert_eq!(ask().await.status, 200, "{name}: {path}");
            }
        }
        for function in ["login", "refresh"] {
            until_logged(&stack, from, &[function, "keys not fetched", problem], async || ()).await;
        }
        assert_eq!(operator.item().await, item, "{name}: no function overwrites it");

        let functions = stack.functions();
        operator.put_item(&good).await;
        wait_for(200, &log_in).await;
        refresh = Tokens::of(&wait_for(200, &renew).await).refresh;
        for (_, path) in VERIFIERS {
            wait_for(200, async || stack.get(path, &earlier.access).await).await;
        }
        assert_eq!(stack.functions(), functions, "{name}: the very same processes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_ring_costs_logins_and_nothing_else() {
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
    assert_eq!(operator.item().await, Value::Null, "only `login` makes a ring");

    // A process that never had keys makes the ring when it starts.
    kill(&stack, &["login"]).await;
    let newer = stack.tokens_of("alice").await;
    assert_ne!(kid_of(&newer.access), kid_in(&before, KeyState::Current));
    wait_for(200, async || stack.get("/protected", &newer.access).await).await;
    wait_for(401, async || stack.get("/protected", &earlier.access).await).await;
    let after = operator.list().await;
    assert_eq!(kids(&after), [kid_of(&newer.access)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_after_the_loss_of_the_kms_key_keeps_sessions_of_verifiers() {
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

/// More calls than are made while the table is away.
const LASTING: usize = 10_000;
/// What the SDK makes of one attempt.
const TRIES: usize = 3;

fn reads(proxy: &DynamoProxy) -> usize {
    proxy.take_calls().iter().filter(|call| call.operation == "GetItem").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn verifiers_serve_while_the_table_is_away() {
    /// Half the maximum age lies between two of them: at 0, 2, 4, 6 and 8 s.
    const ATTEMPTS: usize = 5;
    // Without the check of sessions nothing is read but keys.
    let settings = settings("4").option("--parameter", "RevocationCheck=off");
    let (stack, proxy) = settings.start_behind_proxy().await;
    let token = stack.token_of_new("alice").await;
    for (_, path) in VERIFIERS {
        assert_eq!(stack.get(path, &token).await.status, 200);
    }
    for fault in [Fault::Error("ThrottlingException"), Fault::Hang] {
        let functions = stack.functions();
        proxy.inject("GetItem", fault, LASTING);
        // Cached keys are stale by then.
        sleep(Duration::from_millis(4_100)).await;
        proxy.take_calls();
        let serve = async |path: &str| {
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(8) {
                let answer = stack.get(path, &token).await;
                assert_eq!(answer.status, 200, "{fault:?}, {path}: {answer:?}");
                sleep(STEP).await;
            }
        };
        tokio::join!(serve("/protected"), serve("/workitems"));
        let made = reads(&proxy);
        assert!(
            (2..=2 * TRIES * ATTEMPTS).contains(&made),
            "{fault:?}: {made} reads by two processes"
        );
        assert_eq!(stack.functions(), functions, "{fault:?}");

        kill(&stack, &VERIFIERS.map(|(function, _)| function)).await;
        for (_, path) in VERIFIERS {
            let answer = stack.get(path, &token).await;
            assert!(is_without_keys(&answer), "{path}: {answer:?}");
        }
        let functions = stack.functions();
        proxy.heal();
        for (_, path) in VERIFIERS {
            wait_for(200, async || stack.get(path, &token).await).await;
        }
        assert_eq!(stack.functions(), functions, "{fault:?}: the very same processes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_kid_neither_floods_the_table_nor_hides_a_rotation() {
    const PATHS: [&str; 4] = ["/protected", "/workitems", "/me", "/logout"];
    /// How often a function looks for a key in vain, at most.
    const SEARCHES: Duration = Duration::from_secs(30);
    let settings = settings("3600").option("--parameter", "RevocationCheck=off");
    let (stack, proxy) = settings.start_behind_proxy().await;
    let operator = Operator::of(&stack);
    operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    kill(&stack, &["login"]).await;
    let token = stack.token_of_new("alice").await;
    for path in PATHS {
        let tokens = stack.tokens_of("alice").await;
        assert_eq!(ask(&stack, path, &tokens).await.status, 200, "{path}");
    }
    let made_up = |number: usize| {
        let header = with(header_of(&token), "kid", format!("made-up-{number}").into());
        let access = sign_with_foreign_key(&header, &claims_of(&token));
        Tokens { access, refresh: String::new() }
    };
    proxy.take_calls();
    let begun = Instant::now();
    for number in 0..200 {
        let tokens = made_up(number);
        for path in PATHS {
            let answer = ask(&stack, path, &tokens).await;
            assert!(is_refused(path, &answer), "{path}: {answer:?}");
        }
    }
    let flood_ended = Instant::now();
    let searches = 1 + begun.elapsed().as_secs() / SEARCHES.as_secs();
    let calls = proxy.take_calls();
    assert!(calls.iter().all(|call| call.operation == "GetItem"), "{calls:?}");
    let most = PATHS.len() * usize::try_from(searches).unwrap();
    assert!((1..=most).contains(&calls.len()), "{} reads, {most} at most", calls.len());

    // The key that signs from here on was published when the verifiers fetched their keys. `login`
    // would fetch them again half an hour from now, and is started again instead.
    let signed_by_the_new_key = async || {
        let ring = operator.force_rotation().await.unwrap();
        kill(&stack, &["login"]).await;
        let tokens = stack.tokens_of("alice").await;
        assert_eq!(kid_of(&tokens.access), kid_in(&ring, KeyState::Current));
        tokens
    };
    let tokens = signed_by_the_new_key().await;
    proxy.take_calls();
    assert_accepted(&stack, &tokens.access).await;
    assert_eq!(reads(&proxy), 0);

    // No verifier has cached the key that signs now. Made-up ids have used the search up, and go on;
    // the next one is due.
    let tokens = signed_by_the_new_key().await;
    for path in PATHS {
        loop {
            let sent = flood_ended.elapsed();
            assert!(is_refused(path, &ask(&stack, path, &made_up(200)).await), "{path}");
            let answer = ask(&stack, path, &tokens).await;
            if answer.status == 200 {
                break;
            }
            assert!(is_refused(path, &answer), "{path}: {answer:?}");
            assert!(sent < SEARCHES + SLACK, "{path}: the rotation is hidden");
            sleep(2 * STEP).await;
        }
    }
}
