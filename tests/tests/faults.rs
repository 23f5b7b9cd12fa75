//! Faults of DynamoDB, with the real binaries: 503, no lost data, and surviving processes.
#![cfg(test)]

use latchkey_testkit::{
    dynamodb,
    proxy::{DynamoProxy, Fault},
};
use latchkey_tests::stack::{Answer, Settings};
use serde_json::Value;

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.text("error")), (503, "unavailable"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
}

const PERSISTENT: [Fault; 4] = [
    Fault::Error("ThrottlingException"),
    Fault::Error("AccessDeniedException"),
    Fault::DropRequest,
    Fault::Hang,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_fault_is_a_503_and_the_process_survives() {
    let (stack, proxy) = Settings::default().call_timeout(1_500).start_behind_proxy().await;
    let token = stack.sign_up_and_log_in("alice").await;
    assert_eq!(stack.get("/protected", &token).await.status, 200);
    let functions = stack.functions();
    for fault in PERSISTENT {
        for operation in ["GetItem", "PutItem", "UpdateItem"] {
            proxy.inject(operation, fault, 10);
        }
        assert_unavailable(&stack.get("/protected", &token).await);
        assert_unavailable(&stack.log_in("alice").await);
        assert_unavailable(&stack.sign_up("bob").await);
        proxy.heal();
        assert_eq!(stack.get("/protected", &token).await.status, 200, "{fault:?}");
    }
    assert_eq!(stack.functions(), functions);
    assert_eq!(stack.sign_up("bob").await.status, 201, "the name is free");
    assert_eq!(stack.log_in("bob").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_answers_before_its_timeout() {
    // Less than the call timeout.
    let (stack, proxy) = Settings::default().option("--timeout", "1").start_behind_proxy().await;
    assert_eq!(stack.post("/login", &Value::Null).await.status, 400);
    let functions = stack.functions();
    proxy.inject("GetItem", Fault::Hang, 10);
    assert_unavailable(&stack.log_in("alice").await);
    assert_eq!(stack.functions(), functions);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorizer_fails_without_a_decision_during_an_outage() {
    let (stack, proxy) = Settings::default().call_timeout(1_500).start_behind_proxy().await;
    let token = stack.sign_up_and_log_in("alice").await;
    for fault in PERSISTENT {
        proxy.inject("GetItem", fault, 10);
        let answer = stack.get("/workitems", &token).await;
        assert_eq!((answer.status, answer.text("message")), (500, "Internal Server Error"));
        proxy.heal();
        assert_eq!(stack.get("/workitems", &token).await.status, 200, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_to_a_write_is_not_a_conflict() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    for number in 0..20 {
        let name = format!("user{number}");
        proxy.inject("PutItem", Fault::DropReply, 1 + number % 2);
        proxy.inject("UpdateItem", Fault::DropReply, 1 + number % 2);
        assert_eq!(stack.sign_up(&name).await.status, 201, "{name}");
        let tokens = stack.log_in(&name).await;
        assert_eq!(tokens.status, 200, "{name}");
        assert_eq!(stack.get("/protected", tokens.text("access_token")).await.status, 200);
        proxy.heal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_logs_have_no_secret_and_answers_no_internals() {
    let proxy = DynamoProxy::start(&dynamodb().await).await;
    let stack = Settings::default()
        .option("--dynamodb-endpoint", &proxy.endpoint)
        // Even the most verbose level logs no secret.
        .variable("LOG_LEVEL", "DEBUG")
        .variable("RUST_LOG", "trace")
        .start();
    stack.sign_up("alice").await;
    let tokens = stack.log_in("alice").await;
    let token = tokens.text("access_token");
    stack.get("/protected", token).await;
    stack.get("/workitems", token).await;
    stack.get("/protected", "x.y.z").await;
    proxy.inject("GetItem", Fault::Error("AccessDeniedException"), 1);
    let refused = stack.get("/protected", token).await;
    assert_unavailable(&refused);
    for internal in ["UsersTable", "dynamodb", "AccessDenied", "arn:"] {
        assert!(!refused.body.to_string().contains(internal), "{refused:?}");
    }
    stack.wait_for_log("request failed");
    let log = stack.log();
    assert!(log.contains("AccessDenied"), "the cause is logged: {log}");
    for secret in
        [latchkey_tests::stack::PASSWORD, token, tokens.text("refresh_token"), "argon2id", "\"d\""]
    {
        assert!(!log.contains(secret), "{secret} was logged");
    }
}
