//! Concurrent requests, with the real binaries.
#![cfg(test)]

use std::{collections::HashSet, sync::Arc};

use latchkey_tests::stack::Stack;
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_twenty_parallel_sign_ups_of_a_name_succeeds() {
    let stack = Arc::new(Stack::start());
    let password = |number: usize| format!("correct horse battery {number}");
    let credentials = move |number| json!({ "username": "Alice", "password": password(number) });

    let mut attempts = JoinSet::new();
    for number in 0..20 {
        let stack = Arc::clone(&stack);
        let body = credentials(number);
        attempts.spawn(async move { (number, stack.post("/signup", &body).await.status) });
    }
    let outcomes = attempts.join_all().await;
    for (number, status) in &outcomes {
        let login = stack.post("/login", &credentials(*number)).await.status;
        let has_won = (*status, login) == (201, 200);
        assert!(has_won || (*status, login) == (409, 401), "{number}: {outcomes:?}");
    }
    let winners = outcomes.iter().filter(|(_, status)| *status == 201).count();
    assert_eq!(winners, 1, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_after_parallel_ones_restores_the_session_limit() {
    let stack =
        Arc::new(latchkey_tests::stack::Settings::default().variable("SESSION_LIMIT", "4").start());
    stack.sign_up("alice").await;
    let mut logins = JoinSet::new();
    for _ in 0..12 {
        let stack = Arc::clone(&stack);
        logins.spawn(async move { stack.log_in("alice").await });
    }
    let mut answers = logins.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    // Parallel logins may exceed the limit.
    answers.push(stack.log_in("alice").await);
    let tokens: HashSet<_> = answers
        .iter()
        .map(|answer| answer.text("access_token"))
        .filter(|t| !t.is_empty())
        .collect();
    let mut alive = 0;
    for token in &tokens {
        alive += usize::from(stack.get("/protected", token).await.status == 200);
    }
    assert_eq!(alive, 4, "of {} logins", tokens.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_gets_the_answer_of_another_user() {
    let stack = Arc::new(Stack::start());
    let mut requests = JoinSet::new();
    for name in ["alice", "bob", "carol"] {
        let token = stack.sign_up_and_log_in(name).await;
        for _ in 0..40 {
            let (stack, token) = (Arc::clone(&stack), token.clone());
            requests.spawn(async move {
                let answer = stack.get("/protected", &token).await;
                assert_eq!(answer.body, json!({ "logged_in_as": name }));
            });
        }
    }
    requests.join_all().await;
}
