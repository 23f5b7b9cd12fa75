//! Keys that rotate, are retired, are malformed or are out of reach, over the real binaries.
//! Longer than the rest because what a ring may not be is one list for both of its places.
#![cfg(test)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use auth_testkit::{
    forge::{sign_with_foreign_key, with},
    proxy::{DynamoProxy, Fault},
};
use auth_tests::{
    keys::{
        Operator, PRIVATE_MEMBERS, SECRET, TABLE, header_of, kid_of, kill, new_version,
        processes_of, settings,
    },
    stack::{Answer, Stack, Tokens, claims_of, signal_to},
};
use auth_token::KeyState;
use local::tables;
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

/// Whether the key was looked for and the machine stood still meanwhile, so that nobody knows.
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
    let ring = operator.list().await;
    let (retired, heir) = (ring.kid(KeyState::Current), ring.kid(KeyState::Next));
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
    assert!(left.agrees(), "{left:?}");
    assert_eq!(left.kid(KeyState::Current), heir);
    assert!(!left.kids().contains(&retired), "{left:?}");
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
    let again = operator.retire(retired).await.unwrap_err();
    assert_eq!(again["errorType"], "UnknownKey", "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retirement_cancels_a_rotation_that_another_process_is_making() {
    let stack = settings("1").start();
    let operator = Operator::of(&stack);
    let before = operator.list().await;
    let processes = processes_of(&stack, "keys");
    let [process] = processes[..] else { panic!("not one idle process: {processes:?}") };
    // The first step of the rotation is given to a process that stands still.
    signal_to(process, "STOP");
    let version = new_version();
    operator.call("RotateSecret", json!({ "ClientRequestToken": version })).await;
    sleep(3 * STEP).await;
    let step = async |step: &str| {
        let token = &version;
        let event = json!({ "Step": step, "SecretId": SECRET, "ClientRequestToken": token });
        operator.invoke(&event).await
    };
    // Another one goes as far as it can before the end.
    step("createSecret").await.unwrap();
    step("setSecret").await.unwrap();
    step("testSecret").await.unwrap();
    assert!(!operator.list().await.agrees(), "its keys are public and do not sign");

    let retired = before.kid(KeyState::Current);
    let left = operator.retire(retired).await.unwrap();
    assert_eq!(left.kid(KeyState::Current), before.kid(KeyState::Next));
    assert!(!operator.is_rotating().await);
    assert_eq!(step("finishSecret").await.unwrap_err()["errorType"], "NotPending");
    signal_to(process, "CONT");
    stack.wait_for_log(&format!("rotation of {SECRET}: createSecret"));
    assert_eq!(operator.list().await, left, "nothing of the rotation is left");

    let rotated = operator.rotate_and_wait().await;
    assert_eq!(rotated.kid(KeyState::Current), left.kid(KeyState::Next));
    assert!(!rotated.kids().contains(&retired), "{rotated:?}");
}

/// A text that is no ring, and words of what the log says of it.
struct Malformed {
    name: &'static str,
    text: String,
    problem: &'static str,
}

/// PUBLIC TEST KEY: its private half is known to everybody.
const RSA_1024: &str = r#"{"kty":"RSA","n":"z2gZYlV4AgMJDIdE9werT86dNWFALmAFc8sVHyZzM2cpnF4xH7_r-ZJTUaJ2WVZbdspptech3ipYXF9KuoyIcayQ8pEkgYtWfuJAOx62gFCCtNIy7WDALmhdMCJz9d3FqxGh-7Hc_n4ifNF8XsgCF9e1XX3DnTGzFGBESkAZiBU","e":"AQAB","d":"JqnYOY2HPpDEShKZV5eVZt40TjQf28VInupXuKPZS9bKWfzxGWMUoUSWxZwMheDkUgOvqxo4JQstx6J38sip0njWZ02juRr7djro0p_2L6Q321oeFLOWpCCOxwrzS0S87Xmnpx4RQUxgnLYXTKAKd9zQsXOMZOo_HF0dYppxIM0","p":"-QlBC-QClD0YEARwNqsedxRsxMM5iLyW0zBv3y3XeXefEarfJy4P6CCazXHFDVgNg5mnwaC-h8XHI3YA9W4Gqw","q":"1TTWNfW8aOQGvMvNEboLp8eDqxaWU3MDPgcFQBpMaDLCgCQFhMmOr3KoWwCBpTnU3i-nJUSIp0lCAFDRNKGsPw","dp":"7ayiUsnamEWyeF70BYjM-5MXt7Yma9SpEYeRzWs_0WKUAtWUQh1Y-w5bD6X8DZ8yzp1QGKDkFkpwouxVP-cxHw","dq":"j_soljQnUqZ7LlBrYodDi8Ce2JFeX2iSTfcrwoiABPYSh7rLx0regvlpXFtRMiWF7a48sFxB9MbyPYhWX7a2vQ","qi":"nVVXbHFeXecq18xkY5utGBE_bllU9Tuf77gETOKW3m8fs5xfd8dpi5UlNDFfG8lek3Jshc0LbRI876kxhyQKGQ","alg":"RS256","kid":"rsa-1024","use":"sig","state":"current","since":0}"#;

fn secret_key(state: &str, bytes: usize) -> Value {
    let k = auth_testkit::forge::base64url("x".repeat(bytes));
    json!({ "kty": "oct", "alg": "HS256", "kid": "shared", "k": k, "state": state, "since": 0 })
}

/// What `ring` becomes by being damaged; it has two keys, private or public.
fn malformed(ring: &str) -> Vec<Malformed> {
    let good: Value = serde_json::from_str(ring).unwrap();
    let damaged = |damage: fn(&mut Vec<Value>)| {
        let mut ring = good.clone();
        damage(ring["keys"].as_array_mut().unwrap());
        ring.to_string()
    };
    let mut short: Value = serde_json::from_str(RSA_1024).unwrap();
    if good["keys"][0]["d"].is_null() {
        for member in PRIVATE_MEMBERS {
            short = with(short, member, Value::Null);
        }
    }
    let rings = [
        ("no JSON", "keys".to_owned(), "not a JWK set"),
        ("no set", "{}".to_owned(), "not a JWK set"),
        ("half of it", ring[..ring.len() / 2].to_owned(), "not a JWK set"),
        ("no keys", json!({ "keys": [] }).to_string(), "holds no key"),
        ("RSA of 1024 bits", json!({ "keys": [short] }).to_string(), "is not a valid key"),
        (
            "a point off the curve",
            damaged(|keys| keys[0]["y"] = keys[0]["x"].clone()),
            "is not a valid key",
        ),
        (
            "two keys of one name",
            damaged(|keys| keys[1]["kid"] = keys[0]["kid"].clone()),
            "have the `kid`",
        ),
        (
            "a secret beside a key",
            damaged(|keys| keys.push(secret_key("previous", 32))),
            "shared secrets stand beside",
        ),
        (
            "two current keys",
            damaged(|keys| keys[1]["state"] = "current".into()),
            "not one `current` key",
        ),
        ("the next key first", damaged(|keys| keys.swap(0, 1)), "not the `current` one"),
        ("a key to encrypt", damaged(|keys| keys[0]["use"] = "enc".into()), "`use` is not `sig`"),
    ];
    rings.into_iter().map(|(name, text, problem)| Malformed { name, text, problem }).collect()
}

/// Every private number in a text that is a ring, or nearly one.
fn private_numbers(text: &str) -> Vec<String> {
    let ring: Value = serde_json::from_str(text).unwrap_or_default();
    let keys = ring["keys"].as_array().cloned().unwrap_or_default();
    let numbers = keys.iter().flat_map(|key| PRIVATE_MEMBERS.map(|member| key[member].clone()));
    numbers.filter_map(|number| number.as_str().map(str::to_owned)).collect()
}

/// Does something again and again until the log has a line with all these words after its first
/// `from` bytes; what was logged since.
async fn until_logged(
    stack: &Stack,
    from: usize,
    words: &[&str],
    meanwhile: impl AsyncFn(),
) -> String {
    let since = Instant::now();
    loop {
        meanwhile().await;
        let log = stack.log()[from..].to_owned();
        if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
            return log;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_ring_is_not_signed_with_and_verifiers_keep_the_last_good_one() {
    let stack = settings("1").start();
    let operator = Operator::of(&stack);
    let good = operator.ring().await;
    for user in ["alice", "bob"] {
        assert_eq!(stack.sign_up(user).await.status, 201);
    }
    let earlier = stack.tokens_of("alice").await;
    let mut refresh = Tokens::of(&stack.refresh(&earlier.refresh).await).refresh;
    assert_accepted(&stack, &earlier.access).await;
    assert!(operator.list().await.agrees());

    let first: Value = serde_json::from_str(&good).unwrap();
    let public = with(first["keys"][0].clone(), "d", Value::Null);
    let alone = |key: Value| json!({ "keys": [key] }).to_string();
    let mut rings = malformed(&good);
    rings.extend([
        Malformed { name: "no private key", text: alone(public), problem: "not a private one" },
        Malformed {
            name: "a short secret",
            text: alone(secret_key("current", 31)),
            problem: "needs a secret of at least",
        },
    ]);
    for (number, Malformed { name, text, problem }) in rings.iter().enumerate() {
        let from = stack.log().len();
        operator.put_ring(text).await;
        if number % 2 == 1 {
            // Half of them are met by functions that have never had another.
            kill(&stack, &["login", "refresh"]).await;
        }
        let log_in = async || stack.log_in("bob").await;
        let renew = async || stack.refresh(&refresh).await;
        assert_unavailable(&wait_for(503, &log_in).await);
        assert_unavailable(&wait_for(503, &renew).await);
        let functions = stack.functions();
        for _ in 0..3 {
            assert_accepted(&stack, &earlier.access).await;
            assert_unavailable(&log_in().await);
            assert_unavailable(&renew().await);
            sleep(4 * STEP).await;
        }
        assert!(!operator.list().await.agrees(), "{name}");
        for function in ["login", "refresh"] {
            let words = [function, "keys not read", *problem];
            let log = until_logged(&stack, from, &words, async || {}).await;
            for secret in [private_numbers(&good), private_numbers(text)].concat() {
                assert!(!log.contains(&secret), "{name}: {secret} was logged");
            }
        }

        operator.put_ring(&good).await;
        wait_for(200, &log_in).await;
        let renewed = wait_for(200, &renew).await;
        refresh = Tokens::of(&renewed).refresh;
        assert_eq!(stack.functions(), functions, "{name}: the very same processes");
        assert!(operator.list().await.agrees(), "{name}");
    }
}

/// Overwrites the published ring as no function of ours would, or removes it.
async fn publish(proxy: &DynamoProxy, ring: Option<&str>) {
    let (operation, mut request) = match ring {
        Some(text) => (
            "PutItem",
            json!({ "Item": {
                "id": { "S": "ring" },
                "ring": { "S": text },
                "version": { "S": new_version() },
                "updated_at": { "N": "0" },
            } }),
        ),
        None => ("DeleteItem", json!({ "Key": { "id": { "S": "ring" } } })),
    };
    request["TableName"] = TABLE.into();
    let (status, text) = tables::call(&proxy.endpoint, operation, &request).await.unwrap();
    assert_eq!(status, 200, "{text}");
}

/// Functions that read the table, each with a route that needs what it holds.
const READERS: [(&str, &str); 3] =
    [("protected", "/protected"), ("authorizer", "/workitems"), ("discovery", KEY_SET)];

/// The functions of [`READERS`] are started anew, and have no keys.
async fn assert_new_ones_are_unavailable(stack: &Stack, token: &str) {
    kill(stack, &READERS.map(|(function, _)| function)).await;
    for (_, path) in READERS {
        let answer = stack.get(path, token).await;
        if path == "/workitems" {
            let found = (answer.status, answer.text("message"));
            assert_eq!(found, (500, "Internal Server Error"), "{answer:?}");
        } else {
            assert_unavailable(&answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_ring_in_the_table_is_nothing_to_warm_verifiers_and_503_for_new_ones() {
    let (stack, proxy) = settings("1").start_behind_proxy().await;
    let operator = Operator::of(&stack);
    let token = stack.token_of_new("alice").await;
    let good = operator.list().await.0.ring.to_json();
    let secret = json!({ "keys": [secret_key("current", 32)] }).to_string();
    let damaged = malformed(&good);
    let private = operator.ring().await;
    let rings = damaged.iter().map(|ring| (ring.name, Some(ring.text.as_str()), ring.problem));
    let rings = rings.chain([
        ("private keys", Some(private.as_str()), "public keys only"),
        ("a secret", Some(secret.as_str()), "public keys only"),
        ("no ring", None, "no keys have been published"),
    ]);
    for (_, path) in READERS {
        assert_eq!(stack.get(path, &token).await.status, 200);
    }
    for (name, text, problem) in rings {
        let from = stack.log().len();
        publish(&proxy, text).await;
        let serve_on = async |(function, path): (&str, &str)| {
            let words = [function, "keys not read", "keeps_serving=true", problem];
            let serve = async || {
                let answer = stack.get(path, &token).await;
                assert_eq!(answer.status, 200, "{name}, {path}: {answer:?}");
            };
            let log = until_logged(&stack, from, &words, serve).await;
            for secret in private_numbers(text.unwrap_or_default()) {
                assert!(!log.contains(&secret), "{name}: {secret} was logged");
            }
        };
        let [first, second, third] = READERS;
        tokio::join!(serve_on(first), serve_on(second), serve_on(third));

        assert_new_ones_are_unavailable(&stack, &token).await;
        let functions = stack.functions();
        publish(&proxy, Some(&good)).await;
        for (_, path) in READERS {
            wait_for(200, async || stack.get(path, &token).await).await;
        }
        assert_eq!(stack.functions(), functions, "{name}: the very same processes");
        assert!(operator.list().await.agrees(), "{name}");
    }
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
    /// Half of the greatest age lies between two of them: at 0, 2, 4, 6 and 8 s.
    const ATTEMPTS: usize = 5;
    // Without the check of sessions nothing is read but keys.
    let settings = settings("4").option("--parameter", "RevocationCheck=off");
    let (stack, proxy) = settings.start_behind_proxy().await;
    let token = stack.token_of_new("alice").await;
    for (_, path) in READERS {
        assert_eq!(stack.get(path, &token).await.status, 200);
    }
    for fault in [Fault::Error("ThrottlingException"), Fault::Hang] {
        let functions = stack.functions();
        proxy.inject("GetItem", fault, LASTING);
        // Older than keys may become.
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

        assert_new_ones_are_unavailable(&stack, &token).await;
        let functions = stack.functions();
        proxy.heal();
        for (_, path) in READERS {
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

    // The key that signs from here on was published when those who verify read their keys. Who
    // signs would read the secret an hour from now, and starts anew.
    let signed_by_the_new_key = async || {
        let ring = operator.rotate_and_wait().await;
        kill(&stack, &["login"]).await;
        let tokens = stack.tokens_of("alice").await;
        assert_eq!(kid_of(&tokens.access), ring.kid(KeyState::Current));
        tokens
    };
    let tokens = signed_by_the_new_key().await;
    proxy.take_calls();
    assert_accepted(&stack, &tokens.access).await;
    assert_eq!(reads(&proxy), 0);

    // Nobody who verifies has read the key that signs now. Made-up names have used the search up,
    // and go on; the next one is due.
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
