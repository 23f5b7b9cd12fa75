//! Killing functions during requests loses no acknowledged change.
#![cfg(test)]

use std::time::Duration;

use latchkey_tests::{
    process::wait_for_end,
    stack::{Answer, Settings, Stack, Tokens, claims_of, signal_to},
};

/// Sends a request and kills every function after a delay. Returns the answer.
async fn interrupt(
    stack: &Stack,
    request: impl Future<Output = Answer>,
    after: Duration,
) -> Answer {
    let (answer, ()) = tokio::join!(request, async {
        tokio::time::sleep(after).await;
        let functions = stack.functions();
        for function in &functions {
            signal_to(*function, "KILL");
        }
        wait_for_end(&functions).await;
    });
    answer
}

/// Delays of the kills: spread over a request of about 10 ms and deterministic.
fn kill_delays() -> impl Iterator<Item = Duration> {
    (0_u64..).map(|number| Duration::from_micros(number * 7_919 % 25_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_no_acknowledged_user_block_no_name_and_end_no_session() {
    let stack = Settings::default().cheap_hashes().start();
    stack.sign_up("alice").await;
    let mut tokens = stack.tokens_of("alice").await;
    let mut interrupted = 0;
    for (number, after) in kill_delays().take(100).enumerate() {
        let name = format!("user{number}");
        let signed_up = interrupt(&stack, stack.sign_up(&name), after).await;
        if signed_up.status != 201 {
            interrupted += 1;
            assert_eq!(signed_up.status, 500, "{signed_up:?}");
            let again = stack.sign_up(&name).await;
            assert!([201, 409].contains(&again.status), "{again:?}");
        }
        let logged_in = interrupt(&stack, stack.log_in(&name), after).await;
        if logged_in.status != 200 {
            interrupted += 1;
            assert_eq!(logged_in.status, 500, "{logged_in:?}");
            assert_eq!(stack.log_in(&name).await.status, 200, "{name}");
        }
        let mut refreshed = interrupt(&stack, stack.refresh(&tokens.refresh), after).await;
        if refreshed.status != 200 {
            interrupted += 1;
            assert_eq!(refreshed.status, 500, "{refreshed:?}");
            refreshed = stack.refresh(&tokens.refresh).await;
        }
        let before = claims_of(&tokens.refresh)["gen"].as_u64().unwrap();
        tokens = Tokens::of(&refreshed);
        assert_eq!(claims_of(&tokens.refresh)["gen"], before + 1, "{number}");
    }
    assert!(interrupted > 50, "only {interrupted} of 300 requests were interrupted");
    assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
}
