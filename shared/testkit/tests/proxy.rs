//! Faults, barriers and stale reads of the proxy.
#![cfg(test)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use latchkey_testkit::{
    dynamodb,
    proxy::{DynamoProxy, Fault},
};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

/// A client without retries.
struct Client {
    proxy: Arc<DynamoProxy>,
    http: reqwest::Client,
}

impl Client {
    async fn new() -> Self {
        let proxy = Arc::new(DynamoProxy::start(&dynamodb().await).await);
        Self { proxy, http: local::tables::http_client().unwrap() }
    }

    /// The status and body of the response; `None` if the connection breaks.
    async fn call(&self, operation: &str, request: Value) -> Option<(u16, Value)> {
        let credentials = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/\
                           aws4_request, SignedHeaders=host, Signature=0";
        let sent = self
            .http
            .post(&self.proxy.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20260101T000000Z")
            .header("authorization", credentials)
            .header("content-type", "application/x-amz-json-1.0")
            .body(request.to_string());
        let answer = sent.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_slice(&answer.bytes().await.ok()?).unwrap()))
    }

    async fn put(&self, email: &str) -> Option<(u16, Value)> {
        let item = json!({ "username": { "S": "alice" }, "email": { "S": email } });
        self.call("PutItem", json!({ "TableName": "UsersTable", "Item": item })).await
    }

    /// The address that a read returns.
    async fn email(&self, is_consistent: bool) -> Value {
        let request = json!({
            "TableName": "UsersTable",
            "Key": { "username": { "S": "alice" } },
            "ConsistentRead": is_consistent,
        });
        let (status, mut answer) = self.call("GetItem", request).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["Item"]["email"]["S"].take()
    }
}

#[tokio::test]
async fn only_the_specified_call_fails() {
    let client = Client::new().await;
    client.proxy.inject_from(2, Fault::Error("ThrottlingException"), 1);
    for expected in [200, 400, 200] {
        assert_eq!(client.put("a@example.com").await.unwrap().0, expected);
    }
    client.proxy.inject("GetItem", Fault::Error("InternalServerError"), 1);
    assert_eq!(client.put("a@example.com").await.unwrap().0, 200, "another operation");
    client.proxy.heal();
    assert_eq!(client.email(true).await, "a@example.com");
    let operations: Vec<_> =
        client.proxy.take_calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["PutItem", "PutItem", "PutItem", "PutItem", "GetItem"]);
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_but_a_dropped_reply_has() {
    let client = Client::new().await;
    client.proxy.inject("PutItem", Fault::DropRequest, 1);
    assert_eq!(client.put("request@example.com").await, None);
    assert_eq!(client.email(true).await, Value::Null);
    client.proxy.inject("PutItem", Fault::DropReply, 1);
    assert_eq!(client.put("reply@example.com").await, None);
    assert_eq!(client.email(true).await, "reply@example.com");
}

#[tokio::test]
async fn a_delayed_call_takes_effect_after_the_delay() {
    let client = Client::new().await;
    let delay = Duration::from_millis(200);
    client.proxy.inject("PutItem", Fault::Delay(delay), 1);
    let start = Instant::now();
    assert_eq!(client.put("a@example.com").await.unwrap().0, 200);
    assert!(start.elapsed() >= delay);
    assert_eq!(client.email(true).await, "a@example.com");
}

#[tokio::test]
async fn held_calls_are_released_together() {
    let client = Arc::new(Client::new().await);
    client.proxy.hold("PutItem", 3);
    let mut calls = JoinSet::new();
    let mut put = |number: usize| {
        let client = Arc::clone(&client);
        calls.spawn(async move { client.put(&format!("{number}@example.com")).await })
    };
    let waiting = [put(0), put(1)];
    sleep(Duration::from_millis(200)).await;
    assert!(waiting.iter().all(|call| !call.is_finished()), "they wait for the third call");
    assert_eq!(client.email(true).await, Value::Null);
    put(2);
    let answers = calls.join_all().await;
    assert!(answers.iter().flatten().all(|(status, _)| *status == 200), "{answers:?}");
}

#[tokio::test]
async fn only_eventually_consistent_reads_are_stale() {
    let client = Client::new().await;
    client.proxy.serve_stale_reads();
    client.put("old@example.com").await;
    client.put("new@example.com").await;
    assert_eq!(client.email(false).await, "old@example.com");
    assert_eq!(client.email(true).await, "new@example.com");
}
