//! Functions that are killed in the middle of a request lose nothing that was acknowledged.
#![cfg(test)]

use std::time::Duration;

use latchkey_tests::{
    process::wait_for_end,
    stack::{Answer, Settings, Stack, Tokens, claims_of, signal_to},
};

/// Sends a request and kills every function after a time; returns whatever came back.
async fn cut_short(
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

/// Where in a request of some ten milliseconds the end comes: spread, and the same every time.
fn points() -> impl Iterator<Item = Duration> {
    (0_u64..).map(|number| Duration::from_micros(number * 7_919 % 25_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_user_is_lost_no_name_is_blocked_and_no_session_ends() {
    let stack = Settings::default().hashing_lightly().start();
    stack.sign_up("alice").await;
    let mut tokens = stack.tokens_of("alice").await;
    let mut cut = 0;
    for (number, after) in points().take(100).enumerate() {
        let name = format!("user{number}");
        let signed_up = cut_short(&stack, stack.sign_up(&name), after).await;
        if signed_up.status != 201 {
            cut += 1;
            assert_eq!(signed_up.status, 500, "{signed_up:?}");
            let again = stack.sign_up(&name).await;
            assert!([201, 409].contains(&again.status), "{again:?}");
        }
        let logged_in = cut_short(&stack, stack.log_in(&name), after).await;
        if logged_in.status != 200 {
            cut += 1;
            assert_eq!(logged_in.status, 500, "{logged_in:?}");
            assert_eq!(stack.log_in(&name).await.status, 200, "{name}");
        }
        let mut refreshed = cut_short(&stack, stack.refresh(&tokens.refresh), after).await;
        if refreshed.status != 200 {
            cut += 1;
            assert_eq!(refreshed.status, 500, "{refreshed:?}");
            refreshed = stack.refresh(&tokens.refresh).await;
        }
        let before = claims_of(&tokens.refresh)["gen"].as_u64().unwrap();
        tokens = Tokens::of(&refreshed);
        assert_eq!(claims_of(&tokens.refresh)["gen"], before + 1, "{number}");
    }
    assert!(cut > 50, "only {cut} of 300 requests were cut short");
    assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
}
