//! A function that does what no function should, so that tests see what the gateway makes of it.
//!
//! What it does depends on the last segment of the path that it is called under.

use std::{process, time::Duration};

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(|event: LambdaEvent<Value>| misbehave(event.payload))).await
}

#[expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "to misbehave is what it is for, and indexing a JSON value yields null"
)]
async fn misbehave(event: Value) -> Result<Value, Error> {
    let path = event["rawPath"].as_str().unwrap_or_default();
    let answer = |body: String| json!({ "statusCode": 200, "body": body });
    match path.rsplit('/').next().unwrap_or_default() {
        "echo" => Ok(answer(event.to_string())),
        "process" => Ok(answer(process::id().to_string())),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(400)).await;
            Ok(answer(process::id().to_string()))
        }
        "hang" => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Ok(answer(String::new()))
        }
        "exit" => process::exit(3),
        "panic" => panic!("a secret in a panic"),
        "error" => Err("a secret in an error".into()),
        "log" => {
            println!("a line from the function");
            Ok(answer(String::new()))
        }
        "junk" => Ok(json!({ "statusCode": "200" })),
        // The response is the request's body.
        "say" => Ok(serde_json::from_str(event["body"].as_str().unwrap_or_default())?),
        _ => Ok(json!({ "statusCode": 404 })),
    }
}
