//! Killing functions during requests loses no acknowledged change.
#![cfg(test)]

use std::time::Duration;

use latchkey_testkit::event::user_command;
use latchkey_tests::{
    keys::Operator,
    process::wait_for_end,
    stack::{PASSWORD, Settings, Stack, Tokens, claims_of, signal_to},
};
use serde_json::{Value, json};

/// Sends a request and kills every function after a delay. Returns the answer.
async fn interrupt<T>(stack: &Stack, request: impl Future<Output = T>, after: Duration) -> T {
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

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_no_acknowledged_command_and_leave_each_account_whole() {
    let stack = Settings::default().cheap_hashes().start();
    let operator = Operator::of(&stack);
    let run = async |name: &str, command: &str, more: Value| {
        operator.invoke(&user_command(name, command, &more)).await
    };
    let mut interrupted = 0;
    for (number, after) in kill_delays().take(100).enumerate() {
        let name = format!("user{number}");
        let created = interrupt(&stack, run(&name, "create", json!({})), after).await;
        if created.is_err() {
            interrupted += 1;
            // The account is there with a lost code, or it is not.
            run(&name, "create", json!({})).await.ok();
        }
        let reset = interrupt(&stack, run(&name, "reset", json!({})), after).await;
        let reset = if let Ok(reset) = reset {
            reset
        } else {
            interrupted += 1;
            run(&name, "reset", json!({})).await.unwrap()
        };
        let code = reset["code"]["code"].as_str().unwrap();
        let set = json!({ "username": name, "code": code, "new_password": PASSWORD });
        let used = interrupt(&stack, stack.post("/password/reset", &set), after).await;
        if used.status != 204 {
            interrupted += 1;
            assert_eq!(used.status, 500, "{used:?}");
            let again = stack.post("/password/reset", &set).await;
            assert!([204, 401].contains(&again.status), "{again:?}");
        }
        let tokens = stack.tokens_of(&name).await;
        let disable = json!({ "reason": "test" });
        if interrupt(&stack, run(&name, "disable", disable.clone()), after).await.is_err() {
            interrupted += 1;
            let shown = run(&name, "show", json!({})).await.unwrap();
            let is_whole = (shown["status"] == "disabled") == (shown["sessions"] == 0);
            assert!(is_whole, "{shown}");
            run(&name, "disable", disable).await.unwrap();
        }
        assert_eq!(stack.get("/protected", &tokens.access).await.status, 401);
        assert_eq!(stack.log_in(&name).await.status, 403, "{name}");
    }
    assert!(interrupted > 50, "only {interrupted} of 400 calls were interrupted");
}
