//! Many requests at once, over the real binaries.
#![cfg(test)]

use std::{collections::HashSet, sync::Arc};

use auth_tests::stack::Stack;
use serde_json::json;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_parallel_sign_ups_of_one_name_one_wins_and_only_its_password_works() {
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
    let winners: Vec<_> =
        outcomes.iter().filter(|(_, status)| *status == 201).map(|(number, _)| *number).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|(_, status)| *status == 409).count(), 19, "{outcomes:?}");

    for number in 0..20 {
        let status = stack.post("/login", &credentials(number)).await.status;
        assert_eq!(status, if winners.contains(&number) { 200 } else { 401 }, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_logins_each_get_a_session_and_the_limit_holds() {
    let stack =
        Arc::new(auth_tests::stack::Settings::default().variable("SESSION_LIMIT", "4").start());
    stack.sign_up("alice").await;
    let mut logins = JoinSet::new();
    for _ in 0..12 {
        let stack = Arc::clone(&stack);
        logins.spawn(async move { stack.log_in("alice").await });
    }
    let answers = logins.join_all().await;
    assert!(answers.iter().all(|answer| [200, 503].contains(&answer.status)), "{answers:?}");
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
async fn no_request_ever_sees_another_users_answer() {
    let stack = Arc::new(Stack::start());
    let mut requests = JoinSet::new();
    for name in ["alice", "bob", "carol"] {
        let token = stack.token_of_new(name).await;
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
