use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use crate::{
    sandbox::{Command, Pool, PoolSettings, Pools, RuntimeApi},
    tables::http_client,
};

/// An account with a secret, whose one function ends as soon as it is started.
async fn account() -> Arc<Aws> {
    let command = Command {
        name: "admin".to_owned(),
        binary: "/bin/false".into(),
        memory: 128,
        variables: BTreeMap::new(),
    };
    let settings = PoolSettings {
        command,
        timeout: Duration::from_secs(2),
        limit: 1,
        requests_per_sandbox: NonZeroU32::new(1),
    };
    let function = Arc::new(Pool::new(settings, RuntimeApi::start().await.unwrap()));
    let functions = Pools::from([("AdminFunction".to_owned(), function)]);
    let aws = Aws::open(None, functions).unwrap();
    aws.secrets.put("Keys", "first".into());
    Arc::new(aws)
}

/// What was answered: the status, a header and the body.
async fn post_to(
    aws: &Arc<Aws>,
    path: &str,
    (name, value): (&'static str, &str),
    wanted: &str,
    body: &Value,
) -> (u16, String, Value) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(Arc::clone(aws).serve(listener));
    let request = http_client().unwrap().post(url).header(name, value).body(body.to_string());
    let answer = request.send().await.unwrap();
    let header = answer.headers().get(wanted).map_or("", |value| value.to_str().unwrap());
    let (status, header) = (answer.status().as_u16(), header.to_owned());
    (status, header, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn call(aws: &Arc<Aws>, target: &str, body: &Value) -> (u16, String, Value) {
    post_to(aws, "/", (TARGET, target), ERROR_TYPE, body).await
}

#[tokio::test]
async fn a_secret_is_read_and_an_error_has_its_name_in_header_and_body() {
    let aws = account().await;
    let target = "secretsmanager.GetSecretValue";
    let (status, _, answer) = call(&aws, target, &json!({ "SecretId": "Keys" })).await;
    assert_eq!((status, &answer["SecretString"]), (200, &json!("first")));
    for (target, request, code) in [
        (target, json!({ "SecretId": "Other" }), "ResourceNotFoundException"),
        (target, json!({}), "SerializationException"),
        ("secretsmanager.DeleteSecret", json!({}), "UnknownOperationException"),
        ("TrentService.Decrypt", json!({ "KeyId": "k" }), "SerializationException"),
    ] {
        let (status, header, answer) = call(&aws, target, &request).await;
        assert_eq!((status, header.as_str()), (400, code), "{target} {request}");
        assert_eq!(answer["__type"], code);
        assert!(answer["message"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn kms_opens_what_it_has_sealed() {
    let aws = account().await;
    let plaintext = BASE64_STANDARD.encode("text");
    let request = json!({ "KeyId": "k", "Plaintext": plaintext });
    let (status, _, sealed) = call(&aws, "TrentService.Encrypt", &request).await;
    assert_eq!(status, 200, "{sealed}");
    let request = json!({ "KeyId": "k", "CiphertextBlob": sealed["CiphertextBlob"] });
    let (status, _, opened) = call(&aws, "TrentService.Decrypt", &request).await;
    assert_eq!((status, &opened["Plaintext"]), (200, &json!(plaintext)));
}

async fn call_function(
    aws: &Arc<Aws>,
    name: &str,
    kind: &str,
    wanted: &str,
) -> (u16, String, Value) {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    post_to(aws, &path, (INVOCATION_TYPE, kind), wanted, &json!({})).await
}

#[tokio::test]
async fn a_function_is_invoked_by_its_name_and_waited_for() {
    let aws = account().await;
    let (status, header, report) =
        call_function(&aws, "AdminFunction", "RequestResponse", "x-amz-function-error").await;
    assert_eq!((status, header.as_str()), (200, "Unhandled"));
    assert_eq!(report["errorType"], "Sandbox.InitFailed");
    assert_eq!(report["errorMessage"], "The function did not initialise");

    let (status, header, report) =
        call_function(&aws, "nobody", "RequestResponse", ERROR_TYPE).await;
    assert_eq!((status, header.as_str()), (404, "ResourceNotFoundException"));
    assert_eq!(report, json!({ "Type": "User", "Message": "Function not found: nobody" }));

    let (status, header, _) = call_function(&aws, "AdminFunction", "Event", ERROR_TYPE).await;
    assert_eq!((status, header.as_str()), (400, "InvalidParameterValueException"));
}

#[tokio::test]
async fn a_functions_own_report_is_handed_on() {
    let response = fail(InvokeError::Failed(r#"{"errorType":"UnknownKey"}"#.to_owned()));
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(body, r#"{"errorType":"UnknownKey"}"#);
}
