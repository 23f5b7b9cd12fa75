//! Rotation of refresh tokens under load and faults, with the real binaries.
#![cfg(test)]

use std::{collections::HashSet, sync::Arc};

use latchkey_testkit::proxy::{DynamoProxy, Fault};
use latchkey_tests::{
    process::wait_for_end,
    stack::{Answer, Settings, Stack, Tokens, claims_of, signal_to},
};
use serde_json::Value;
use tokio::task::JoinSet;

const USERS: usize = 10;
const SESSIONS_EACH: usize = 20;
const AT_ONCE: usize = 20;

async fn stack(grace: &str) -> (Arc<Stack>, DynamoProxy) {
    let settings = Settings::default().variable("REFRESH_GRACE", grace).cheap_hashes();
    let (stack, proxy) = settings.start_behind_proxy().await;
    (Arc::new(stack), proxy)
}

/// Logs ten users in, with 20 sessions each.
async fn log_in_many(stack: &Arc<Stack>) -> Vec<Tokens> {
    let mut users = JoinSet::new();
    for number in 0..USERS {
        let stack = Arc::clone(stack);
        users.spawn(async move {
            let name = format!("user{number}");
            stack.sign_up(&name).await;
            let mut sessions = Vec::new();
            for _ in 0..SESSIONS_EACH {
                sessions.push(stack.tokens_of(&name).await);
            }
            sessions
        });
    }
    users.join_all().await.concat()
}

/// Refreshes with one token many times in parallel.
async fn refresh_at_once(stack: &Arc<Stack>, token: &str) -> Vec<Answer> {
    let mut requests = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (stack, token) = (Arc::clone(stack), token.to_owned());
        requests.spawn(async move { stack.refresh(&token).await });
    }
    requests.join_all().await
}

/// The distinct claim sets of the new refresh tokens.
fn successors(answers: &[Answer]) -> HashSet<String> {
    answers.iter().map(|answer| claims_of(answer.text("refresh_token")).to_string()).collect()
}

fn generation(token: &str) -> Value {
    claims_of(token)["gen"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_refreshes_of_a_token_return_the_same_successor() {
    let (stack, proxy) = stack("30").await;
    for (number, tokens) in log_in_many(&stack).await.iter().enumerate() {
        // For half of the sessions, the proxy releases all writes at once.
        if number % 2 == 0 {
            proxy.hold("UpdateItem", AT_ONCE);
        }
        let answers = refresh_at_once(&stack, &tokens.refresh).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        assert_eq!(successors(&answers).len(), 1, "session {number}");
        let any = &answers[number % answers.len()];
        let next = stack.refresh(any.text("refresh_token")).await;
        assert_eq!(generation(&Tokens::of(&next).refresh), 2, "session {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_parallel_refreshes_without_grace_succeeds_and_the_session_ends() {
    let (stack, proxy) = stack("0").await;
    for (number, tokens) in log_in_many(&stack).await.iter().enumerate() {
        if number % 2 == 0 {
            proxy.hold("UpdateItem", AT_ONCE);
        }
        let answers = refresh_at_once(&stack, &tokens.refresh).await;
        let (winners, losers): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        let [winner] = &winners[..] else {
            panic!("session {number}: {winners:?} {losers:?}");
        };
        for loser in &losers {
            assert_eq!(loser.status, 401, "{loser:?}");
            let code = loser.text("error");
            assert!(["refresh_token_reused", "token_revoked"].contains(&code), "{loser:?}");
        }
        let winner = Tokens::of(winner);
        assert_eq!(stack.refresh(&winner.refresh).await.text("error"), "token_revoked");
        let access = stack.get("/protected", &winner.access).await;
        assert_eq!(access.text("error"), "token_revoked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_process_detects_the_replay_of_any_older_token() {
    const ROTATIONS: usize = 4;
    for (grace, replayable) in [("0", ROTATIONS), ("30", ROTATIONS - 1)] {
        let (stack, _proxy) = stack(grace).await;
        stack.sign_up("alice").await;
        let other = stack.tokens_of("alice").await;
        for older in 0..replayable {
            let mut chain = vec![stack.tokens_of("alice").await];
            for turn in 0..ROTATIONS {
                chain.push(Tokens::of(&stack.refresh(&chain[turn].refresh).await));
            }
            cold_start(&stack).await;
            let reused = stack.refresh(&chain[older].refresh).await;
            assert_eq!(reused.text("error"), "refresh_token_reused", "{older}: {reused:?}");
            for tokens in &chain {
                let access = stack.get("/protected", &tokens.access).await;
                assert_eq!(access.text("error"), "token_revoked", "{older}");
                let refresh = stack.refresh(&tokens.refresh).await;
                assert_eq!(refresh.text("error"), "token_revoked", "{older}");
            }
            assert_eq!(stack.get("/protected", &other.access).await.status, 200);
        }
        assert_eq!(stack.refresh(&other.refresh).await.status, 200, "the other session is alive");
    }
}

/// Kills all functions, so that the next request gets a cold process.
async fn cold_start(stack: &Stack) {
    let functions = stack.functions();
    for function in &functions {
        signal_to(*function, "KILL");
    }
    wait_for_end(&functions).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_a_refresh_or_sign_up_is_neither_replay_nor_conflict() {
    let (stack, proxy) = stack("30").await;
    stack.sign_up("alice").await;
    let mut tokens = stack.tokens_of("alice").await;
    for number in 0..200 {
        let before = claims_of(&tokens.refresh)["gen"].as_u64().unwrap();
        // Half of the replies are lost once, which the SDK retries; the others on every attempt, so that
        // the client retries.
        let lost = if number < 100 { 1 } else { 3 };
        proxy.inject("UpdateItem", Fault::DropReply, lost);
        let mut answer = stack.refresh(&tokens.refresh).await;
        if lost == 3 {
            assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{number}");
            answer = stack.refresh(&tokens.refresh).await;
        }
        tokens = Tokens::of(&answer);
        assert_eq!(generation(&tokens.refresh), before + 1, "{number}");

        proxy.inject("PutItem", Fault::DropReply, 1);
        assert_eq!(stack.sign_up(&format!("user{number}")).await.status, 201, "{number}");
    }
    assert_eq!(stack.get("/protected", &tokens.access).await.status, 200);
}
