//! What requests ask of DynamoDB, and that no user can be told from nobody by it.
#![cfg(test)]

use std::time::Duration;

use auth_testkit::{
    dynamodb,
    proxy::{Call, DynamoProxy},
};
use auth_tests::stack::{PASSWORD, Settings};
use reqwest::Method;
use serde_json::json;

fn read() -> Call {
    Call { operation: "GetItem".to_owned(), is_consistent: true, units: 1.0 }
}

fn write(operation: &str) -> Call {
    Call { operation: operation.to_owned(), is_consistent: false, units: 1.0 }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_costs_the_units_that_the_documentation_states() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    assert_eq!(stack.sign_up("alice").await.status, 201);
    assert_eq!(proxy.take_calls(), [write("PutItem")], "sign-up");

    let token = stack.log_in("alice").await.text("access_token").to_owned();
    assert_eq!(proxy.take_calls(), [read(), write("UpdateItem")], "login");

    assert_eq!(stack.get("/protected", &token).await.status, 200);
    assert_eq!(proxy.take_calls(), [read()], "guarded request");

    let add = stack.request(Method::POST, "/workitems").bearer_auth(&token);
    assert_eq!(stack.send(add.json(&json!({ "title": "x" }))).await.status, 201);
    assert_eq!(proxy.take_calls(), [read(), write("PutItem")], "authorizer, then the item");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_revocation_check_a_guarded_request_costs_nothing() {
    let proxy = DynamoProxy::start(&dynamodb().await).await;
    let stack = Settings::default()
        .option("--dynamodb-endpoint", &proxy.endpoint)
        .variable("JWT_REVOCATION_CHECK", "off")
        .start();
    let token = stack.token_of_new("alice").await;
    proxy.take_calls();
    assert_eq!(stack.get("/protected", &token).await.status, 200);
    assert_eq!(proxy.take_calls(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_for_nobody_makes_the_same_calls_and_one_hash_like_one_for_somebody() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    stack.sign_up("alice").await;
    let attempt = async |username: &str| {
        let body = json!({ "username": username, "password": "wrong horse battery" });
        stack.post("/login", &body).await
    };
    attempt("alice").await;
    let functions = stack.functions();
    proxy.take_calls();

    // The least of several, because a busy neighbour makes the same work cost more.
    let mut least = [Duration::MAX; 2];
    for _ in 0..5 {
        for (username, least) in ["alice", "nobody"].into_iter().zip(&mut least) {
            let before = total_cpu(&functions);
            let answer = attempt(username).await;
            assert_eq!((answer.status, answer.text("error")), (401, "invalid_credentials"));
            *least = total_cpu(&functions).saturating_sub(before).min(*least);
            let calls: Vec<_> = proxy.take_calls().into_iter().map(|call| call.operation).collect();
            assert_eq!(calls, ["GetItem"], "{username}");
        }
    }
    assert_eq!(stack.functions(), functions, "all were answered by the same process");
    // No hash would cost next to nothing, and two hashes twice as much.
    let [somebody, nobody] = least.map(|cpu| cpu.as_secs_f64());
    assert!((0.6..1.6).contains(&(nobody / somebody)), "{least:?}");
}

fn total_cpu(processes: &[u32]) -> Duration {
    let nanos = processes.iter().filter_map(|id| auth_tests::process::cpu_nanos(*id).ok()).sum();
    Duration::from_nanos(nanos)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_does_is_flat_in_the_number_of_users() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    for number in 0..10 {
        stack.sign_up(&format!("user{number}")).await;
    }
    let token = stack.log_in("user3").await.text("access_token").to_owned();
    proxy.take_calls();
    stack.get("/protected", &token).await;
    stack.post("/login", &json!({ "username": "user9", "password": PASSWORD })).await;
    assert_eq!(proxy.take_calls(), [read(), read(), write("UpdateItem")]);
}
