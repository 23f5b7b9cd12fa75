use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;

use super::*;
use crate::{
    aws::RotationError,
    sandbox::{Command, Pool, PoolSettings, Pools, RuntimeApi},
    secrets::Secrets,
    tables::http_client,
    template::Secret,
};

const TOKEN: &str = "a-version-of-the-secret-in-32-chars";

/// An account whose one function ends as soon as it is started.
async fn account() -> Arc<Aws> {
    let command = Command {
        name: "keys".to_owned(),
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
    let initial = Some(SecretString::from("first"));
    let rotated = Secret { initial, rotated_by: Some("KeysFunction".to_owned()) };
    let declared = BTreeMap::from([
        ("Keys".to_owned(), rotated),
        ("Other".to_owned(), Secret { initial: None, rotated_by: None }),
    ]);
    let functions = Pools::from([("KeysFunction".to_owned(), function)]);
    Arc::new(Aws::new(Secrets::memory(&declared).unwrap(), functions))
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

async fn call(aws: &Arc<Aws>, operation: &str, body: &Value) -> (u16, String, Value) {
    let target = format!("secretsmanager.{operation}");
    post_to(aws, "/", (TARGET, &target), ERROR_TYPE, body).await
}

#[tokio::test]
async fn a_secret_is_read_and_an_error_has_its_name_in_header_and_body() {
    let aws = account().await;
    let (status, _, answer) = call(&aws, "GetSecretValue", &json!({ "SecretId": "Keys" })).await;
    assert_eq!((status, &answer["SecretString"]), (200, &json!("first")));
    for (operation, secret, code) in [
        ("GetSecretValue", "Nobody", "ResourceNotFoundException"),
        ("GetSecretValue", "Other", "ResourceNotFoundException"),
        ("RotateSecret", "Nobody", "ResourceNotFoundException"),
        ("RotateSecret", "Other", "InvalidRequestException"),
        ("DeleteSecret", "Keys", "UnknownOperationException"),
    ] {
        let (status, header, answer) = call(&aws, operation, &json!({ "SecretId": secret })).await;
        assert_eq!((status, header.as_str()), (400, code), "{operation} {secret}");
        assert_eq!(answer["__type"], code);
        assert!(answer["Message"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn a_rotation_that_fails_stays_pending_under_its_version() {
    let aws = account().await;
    aws.begin_rotation("Keys", Some(TOKEN.to_owned())).unwrap();
    let source = InvokeError::InitFailed;
    let failed = Err(RotationError::Step { step: "createSecret", source });
    assert_eq!(aws.finish_rotation("Keys").await, failed);
    let request = json!({ "SecretId": "Keys", "ClientRequestToken": TOKEN });
    let (_, _, described) = call(&aws, "DescribeSecret", &request).await;
    assert_eq!(described["VersionIdsToStages"][TOKEN], json!(["AWSPENDING"]));
    assert_eq!(described["RotationLambdaARN"], "KeysFunction");
    let (status, _, again) = call(&aws, "RotateSecret", &request).await;
    assert_eq!((status, &again["VersionId"]), (200, &json!(TOKEN)), "the same request again");
    let another = json!({ "SecretId": "Keys" });
    let (status, header, _) = call(&aws, "RotateSecret", &another).await;
    assert_eq!((status, header.as_str()), (400, "InvalidRequestException"));
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
        call_function(&aws, "KeysFunction", "RequestResponse", "x-amz-function-error").await;
    assert_eq!((status, header.as_str()), (200, "Unhandled"));
    assert_eq!(report["errorType"], "Sandbox.InitFailed");
    assert_eq!(report["errorMessage"], "The function did not initialise");

    let (status, header, report) =
        call_function(&aws, "nobody", "RequestResponse", ERROR_TYPE).await;
    assert_eq!((status, header.as_str()), (404, "ResourceNotFoundException"));
    assert_eq!(report, json!({ "Type": "User", "Message": "Function not found: nobody" }));

    let (status, header, _) = call_function(&aws, "KeysFunction", "Event", ERROR_TYPE).await;
    assert_eq!((status, header.as_str()), (400, "InvalidParameterValueException"));
}

#[tokio::test]
async fn a_functions_own_report_is_handed_on() {
    let response = fail(InvokeError::Failed(r#"{"errorType":"UnknownKey"}"#.to_owned()));
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(body, r#"{"errorType":"UnknownKey"}"#);
}
