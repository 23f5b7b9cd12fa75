//! Outages of the keys table, and unknown key ids.

use std::time::{Duration, Instant};

use latchkey_keys::{KeyCommand, KeyState};
use latchkey_testkit::{
    forge::{sign_with_foreign_key, with},
    proxy::{DynamoProxy, Fault},
};
use latchkey_tests::{
    keys::{Operator, header_of, kid_in, kid_of, kill, settings},
    stack::{Tokens, claims_of},
};
use tokio::time::sleep;

use crate::{
    POLL_INTERVAL, SLACK, VERIFIERS, ask, assert_accepted, is_refused, is_without_keys, wait_for,
};

/// More faults than there are calls during the outage.
const PERSISTENT: usize = 10_000;
/// The calls of one fetch, including the retries of the SDK.
const TRIES: usize = 3;

fn reads(proxy: &DynamoProxy) -> usize {
    proxy.take_calls().iter().filter(|call| call.operation == "GetItem").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn verifiers_serve_with_cached_keys_during_an_outage() {
    /// Fetches at 0, 2, 4, 6 and 8 s: the interval is half of `KEYS_MAX_AGE`.
    const ATTEMPTS: usize = 5;
    // Without the revocation check, verifiers read only the keys table.
    let settings = settings("4").option("--parameter", "RevocationCheck=off").call_timeout(1_500);
    let (stack, proxy) = settings.start_behind_proxy().await;
    let token = stack.sign_up_and_log_in("alice").await;
    for (_, path) in VERIFIERS {
        assert_eq!(stack.get(path, &token).await.status, 200);
    }
    for fault in [Fault::Error("ThrottlingException"), Fault::Hang] {
        let functions = stack.functions();
        proxy.inject("GetItem", fault, PERSISTENT);
        // Waits until the cached keys are stale.
        sleep(Duration::from_millis(4_100)).await;
        proxy.take_calls();
        let serve = async |path: &str| {
            let since = Instant::now();
            while since.elapsed() < Duration::from_secs(8) {
                let answer = stack.get(path, &token).await;
                assert_eq!(answer.status, 200, "{fault:?}, {path}: {answer:?}");
                sleep(POLL_INTERVAL).await;
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
        assert_eq!(stack.functions(), functions, "{fault:?}: same processes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_kids_neither_flood_the_table_nor_hide_a_rotation() {
    const PATHS: [&str; 4] = ["/protected", "/workitems", "/me", "/logout"];
    /// The minimum interval between two fetches of a function for an unknown `kid`.
    const FETCH_INTERVAL: Duration = Duration::from_secs(30);
    let settings = settings("3600").option("--parameter", "RevocationCheck=off");
    let (stack, proxy) = settings.start_behind_proxy().await;
    let operator = Operator::of(&stack);
    operator.run(&KeyCommand::Rotate { force: false }).await.unwrap();
    kill(&stack, &["login"]).await;
    let token = stack.sign_up_and_log_in("alice").await;
    for path in PATHS {
        let tokens = stack.tokens_of("alice").await;
        assert_eq!(ask(&stack, path, &tokens).await.status, 200, "{path}");
    }
    let with_unknown_kid = |number: usize| {
        let header = with(header_of(&token), "kid", format!("unknown-{number}").into());
        let access = sign_with_foreign_key(&header, &claims_of(&token));
        Tokens { access, refresh: String::new() }
    };
    proxy.take_calls();
    let begun = Instant::now();
    for number in 0..200 {
        let tokens = with_unknown_kid(number);
        for path in PATHS {
            let answer = ask(&stack, path, &tokens).await;
            assert!(is_refused(path, &answer), "{path}: {answer:?}");
        }
    }
    let flood_ended = Instant::now();
    let fetches = 1 + begun.elapsed().as_secs() / FETCH_INTERVAL.as_secs();
    let calls = proxy.take_calls();
    assert!(calls.iter().all(|call| call.operation == "GetItem"), "{calls:?}");
    let most = PATHS.len() * usize::try_from(fetches).unwrap();
    assert!((1..=most).contains(&calls.len()), "{} reads, {most} at most", calls.len());

    // The new signing key was already published when the verifiers fetched their keys. `login` is
    // restarted, because it would fetch again only in half an hour.
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

    // No verifier has cached the current key. Unknown ids have used up the fetch, and continue; the next
    // fetch finds the key.
    let tokens = signed_by_the_new_key().await;
    for path in PATHS {
        loop {
            let sent = flood_ended.elapsed();
            assert!(is_refused(path, &ask(&stack, path, &with_unknown_kid(200)).await), "{path}");
            let answer = ask(&stack, path, &tokens).await;
            if answer.status == 200 {
                break;
            }
            assert!(is_refused(path, &answer), "{path}: {answer:?}");
            assert!(sent < FETCH_INTERVAL + SLACK, "{path}: the rotation is hidden");
            sleep(2 * POLL_INTERVAL).await;
        }
    }
}
