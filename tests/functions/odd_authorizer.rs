//! An authorizer for tests of the gateway: the token selects the answer, which has a call counter.

use std::sync::atomic::{AtomicU64, Ordering};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

static CALLS: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(|event: LambdaEvent<Value>| async move { decide(&event.payload) })).await
}

#[expect(clippy::indexing_slicing, reason = "indexing a JSON value yields null")]
fn decide(event: &Value) -> Result<Value, Error> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let token = event["identitySource"][0].as_str().unwrap_or_default();
    match token.split('-').next().unwrap_or_default() {
        "allow" => Ok(json!({ "isAuthorized": true, "context": { "calls": calls.to_string() } })),
        "deny" => Ok(json!({ "isAuthorized": false })),
        "text" => Ok(json!({ "isAuthorized": "true" })),
        "null" => Ok(json!({ "isAuthorized": true, "context": null })),
        _ => Err("Unauthorized".into()),
    }
}
