//! A faulty function for tests of the gateway. The last path segment selects its behaviour.

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
    reason = "a faulty function for tests; indexing a JSON value yields null"
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
        // Responds with the request's body.
        "say" => Ok(serde_json::from_str(event["body"].as_str().unwrap_or_default())?),
        _ => Ok(json!({ "statusCode": 404 })),
    }
}
