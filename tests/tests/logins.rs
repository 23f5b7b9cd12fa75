//! Many logins of one user, such as a service account.
#![cfg(test)]

use std::sync::Arc;

use latchkey_testkit::dynamodb;
use latchkey_tests::stack::{PASSWORD, Settings, Stack};
use local::tables;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CLIENTS: usize = 16;
/// Per client and session limit.
const LOGINS_EACH: usize = 63;

/// A user agent of the maximum stored length, in two-byte characters.
fn user_agent() -> String {
    "ü".repeat(128)
}

async fn log_in(stack: &Stack) -> u16 {
    let request = stack.request(Method::POST, "/login").header("user-agent", user_agent());
    let body = json!({ "username": "alice", "password": PASSWORD });
    stack.send(request.json(&body)).await.status
}

/// The sessions in the user's item, and the length of its JSON, which is more than the size that
/// DynamoDB counts.
async fn item(endpoint: &str) -> (Value, usize) {
    let request = json!({ "TableName": "UsersTable", "Key": { "username": { "S": "alice" } } });
    let (_, text) = tables::call(endpoint, "GetItem", &request).await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    (answer["Item"]["sessions"]["M"].clone(), text.len())
}

fn count(sessions: &Value) -> usize {
    sessions.as_object().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_logins_of_one_user_from_sixteen_clients_all_succeed() {
    for (limit, at_most) in [("1", 1), ("100", 100)] {
        let endpoint = dynamodb().await;
        let stack = Settings::default()
            .cheap_hashes()
            .variable("SESSION_LIMIT", limit)
            .option("--dynamodb-endpoint", &endpoint)
            .start();
        let stack = Arc::new(stack);
        assert_eq!(stack.sign_up("alice").await.status, 201);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let stack = Arc::clone(&stack);
            let endpoint = endpoint.clone();
            clients.spawn(async move {
                let mut largest = 0;
                for turn in 0..LOGINS_EACH {
                    assert_eq!(log_in(&stack).await, 200);
                    if turn % 10 == 0 {
                        largest = largest.max(item(&endpoint).await.1);
                    }
                }
                largest
            });
        }
        let largest = clients.join_all().await.into_iter().max().unwrap();
        assert!(largest < 100_000, "{largest} bytes of 400 KB");
        // A login without concurrent ones restores the limit.
        assert_eq!(log_in(&stack).await, 200);
        assert_eq!(count(&item(&endpoint).await.0), at_most);
    }
}

/// A user who returns after a long time, with the highest limit.
#[tokio::test(flavor = "multi_thread")]
async fn expired_sessions_up_to_the_limit_do_not_lock_a_user_out() {
    let endpoint = dynamodb().await;
    let stack = Settings::default()
        .cheap_hashes()
        .variable("SESSION_LIMIT", "100")
        .option("--dynamodb-endpoint", &endpoint)
        .start();
    assert_eq!(stack.sign_up("alice").await.status, 201);
    for _ in 0..100 {
        assert_eq!(log_in(&stack).await, 200);
    }
    let (sessions, _) = item(&endpoint).await;
    let mut names = serde_json::Map::from_iter([("#s".to_owned(), json!("sessions"))]);
    let mut update = Vec::new();
    for (index, name) in sessions.as_object().unwrap().keys().enumerate() {
        names.insert(format!("#{index}"), json!(name));
        update.push(format!("#s.#{index}.expires = :past"));
    }
    let request = json!({
        "TableName": "UsersTable", "Key": { "username": { "S": "alice" } },
        "UpdateExpression": format!("SET {}", update.join(", ")),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": { ":past": { "N": "1" } },
    });
    let (status, answer) = tables::call(&endpoint, "UpdateItem", &request).await.unwrap();
    assert!(status.is_success(), "{answer}");
    assert_eq!(log_in(&stack).await, 200);
    assert_eq!(count(&item(&endpoint).await.0), 1);
}
