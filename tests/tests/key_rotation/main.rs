//! Rotation, retirement, damage and outage of the key ring, with the real binaries.
#![cfg(test)]

mod damage;
mod outage;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_keys::{KeyCommand, KeyState};
use latchkey_tests::{
    keys::{Operator, kid_in, kid_of, kids, settings},
    stack::{Answer, Stack, Tokens},
};
use tokio::{task::JoinSet, time::sleep};

pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Tolerance: a request waits half a second for newer keys and then uses the cached ones.
pub(crate) const SLACK: Duration = Duration::from_secs(1);
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
pub(crate) const KEY_SET: &str = "/.well-known/jwks.json";

#[track_caller]
pub(crate) fn assert_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.text("error")), (503, "unavailable"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
}

/// Repeats a request until the answer has a status, at most for a key TTL of one second plus [`SLACK`].
pub(crate) async fn wait_for(status: u16, ask: impl AsyncFn() -> Answer) -> Answer {
    let since = Instant::now();
    loop {
        let sent = since.elapsed();
        let answer = ask().await;
        if answer.status == status {
            return answer;
        }
        assert!(sent < Duration::from_secs(1) + SLACK, "still {answer:?}");
        sleep(POLL_INTERVAL).await;
    }
}

/// One route of each function that takes tokens.
pub(crate) const ROUTES: [&str; 5] = ["/protected", "/me", "/workitems", "/logout", "/refresh"];

pub(crate) async fn ask(stack: &Stack, route: &str, tokens: &Tokens) -> Answer {
    match route {
        "/logout" => stack.log_out(&tokens.access).await,
        "/refresh" => stack.refresh(&tokens.refresh).await,
        path => stack.get(path, &tokens.access).await,
    }
}

pub(crate) fn is_refused(route: &str, answer: &Answer) -> bool {
    if route == "/workitems" {
        // The gateway words the refusal.
        return (answer.status, answer.text("message")) == (403, "Forbidden");
    }
    (answer.status, answer.text("error")) == (401, "invalid_token")
}

pub(crate) const KEYS_MAX_AGE: Duration = Duration::from_secs(2);

/// When the last accepted request was sent, relative to `since`.
pub(crate) async fn last_success(
    stack: &Stack,
    route: &str,
    tokens: &Tokens,
    since: Instant,
) -> Duration {
    let mut last = Duration::ZERO;
    while since.elapsed() < KEYS_MAX_AGE + 2 * SLACK {
        let sent = since.elapsed();
        let answer = ask(stack, route, tokens).await;
        if !is_refused(route, &answer) {
            assert_eq!(answer.status, 200, "{route}: {answer:?}");
            last = sent;
        }
        sleep(POLL_INTERVAL).await;
    }
    last
}

/// When the last login was sent that a key other than `kid` signed, relative to `since`.
pub(crate) async fn last_login_by_another(stack: &Stack, kid: &str, since: Instant) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let sent = since.elapsed();
        let access = stack.tokens_of("bob").await.access;
        if kid_of(&access) == kid {
            // Verifiers know the key, because it was published as the next one.
            assert_eq!(stack.get("/protected", &access).await.status, 200);
            assert_eq!(stack.get("/workitems", &access).await.status, 200);
            return last;
        }
        assert!(sent < KEYS_MAX_AGE + SLACK, "{kid} does not sign");
        last = sent;
        sleep(POLL_INTERVAL).await;
    }
}

pub(crate) async fn published(stack: &Stack) -> Vec<String> {
    let answer = stack.get(KEY_SET, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let keys = answer.body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// When the last request for the key set was sent whose answer had the key, relative to `since`.
pub(crate) async fn last_publication(stack: &Stack, kid: &str, since: Instant) -> Duration {
    let mut last = Duration::ZERO;
    loop {
        let sent = since.elapsed();
        if !published(stack).await.iter().any(|other| other == kid) {
            return last;
        }
        assert!(sent < KEYS_MAX_AGE + SLACK, "{kid} is still published");
        last = sent;
        sleep(POLL_INTERVAL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "prints the measurement")]
async fn tokens_of_a_retired_key_are_refused_within_keys_max_age() {
    let stack = Arc::new(settings("2").start());
    let operator = Operator::of(&stack);
    let ring = operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    let (retired, successor) = (kid_in(&ring, KeyState::Current), kid_in(&ring, KeyState::Next));
    for user in ["alice", "bob"] {
        assert_eq!(stack.sign_up(user).await.status, 201);
    }
    let mut sessions = Vec::new();
    for route in ROUTES {
        let tokens = stack.tokens_of("alice").await;
        assert_eq!(kid_of(&tokens.access), retired);
        // The processes are warm and have cached the token as genuine.
        assert_eq!(ask(&stack, route, &tokens).await.status, 200, "{route}");
        sessions.push((route, tokens));
    }
    assert_eq!(published(&stack).await, [retired, successor]);

    let left = operator.retire(retired).await.unwrap();
    let since = Instant::now();
    assert_eq!(kid_in(&left, KeyState::Current), successor);
    assert!(!kids(&left).contains(&retired), "{left:?}");
    let mut watches = JoinSet::new();
    for (route, tokens) in sessions {
        let stack = Arc::clone(&stack);
        watches.spawn(async move { (route, last_success(&stack, route, &tokens, since).await) });
    }
    let (signed, listed) = tokio::join!(
        last_login_by_another(&stack, successor, since),
        last_publication(&stack, retired, since),
    );
    let mut times = watches.join_all().await;
    times.extend([("signing", signed), ("key set", listed)]);
    for (what, last) in times {
        println!("{what}: last accepted {} ms after the retirement", last.as_millis());
        assert!(last < KEYS_MAX_AGE + SLACK, "{what}: {last:?}");
    }
    assert_eq!(operator.retire(retired).await.unwrap(), left, "already retired");
    let unknown = operator.retire("unknown").await.unwrap_err();
    assert_eq!(unknown["errorType"], "Refused", "{unknown}");
}

pub(crate) async fn assert_accepted(stack: &Stack, token: &str) {
    for path in ["/protected", "/workitems"] {
        let answer = stack.get(path, token).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}

/// Verifiers, each with a route that needs keys.
pub(crate) const VERIFIERS: [(&str, &str); 3] =
    [("protected", "/protected"), ("authorizer", "/workitems"), ("discovery", KEY_SET)];

/// Whether a verifier has no keys.
pub(crate) fn is_without_keys(answer: &Answer) -> bool {
    let is_gateway_error =
        (answer.status, answer.text("message")) == (500, "Internal Server Error");
    is_gateway_error || (answer.status, answer.text("error")) == (503, "unavailable")
}
