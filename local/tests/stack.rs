//! The files that a running stack writes for other programs.
#![cfg(test)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use local::{
    stack::{LocalStack, LocalStackError, StackSettings},
    template::{Parameters, Template},
};
use serde_json::Value;

const TEMPLATE: &str = r#"
Resources:
  OneFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: one}}
    Properties:
      MemorySize: 128
      Timeout: 2
      Environment:
        Variables: {KMS_KEY_ARN: K, EMPTY: '', ODD: "a b $HOME `id` it's \\ two\nlines"}
"#;

const ODD: &str = "a b $HOME `id` it's \\ two\nlines";

async fn start(
    state: Option<&Path>,
    endpoint_folder: Option<&Path>,
) -> Result<LocalStack, LocalStackError> {
    let binaries = tempfile::tempdir().unwrap();
    fs::write(binaries.path().join("one"), "").unwrap();
    let settings = StackSettings {
        template: &Template::parse(TEMPLATE, &Parameters::new()).unwrap(),
        binaries: binaries.path(),
        dynamodb_url: "http://127.0.0.1:1",
        state,
        endpoint_folder,
        given: &|_| None,
        requests_per_sandbox: None,
    };
    LocalStack::start(&settings).await
}

fn in_shell(state: &Path, name: &str) -> String {
    let script = format!(". {}/env; printf %s \"${name}\"", state.display());
    let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_stack_writes_its_variables_to_files_and_removes_them_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let stack = start(Some(state), None).await.unwrap();
    let read = |name: &str| fs::read_to_string(state.join(name)).unwrap();
    assert_eq!(read("aws-endpoint"), stack.aws_url);
    let json: Value = serde_json::from_str(&read("env.json")).unwrap();
    for (name, value) in [
        ("ODD", ODD),
        ("EMPTY", ""),
        ("KMS_KEY_ARN", "K"),
        ("AWS_ENDPOINT_URL_KMS", &stack.aws_url),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("AWS_REGION", "us-east-1"),
    ] {
        assert_eq!(json["OneFunction"][name], value);
        assert_eq!(in_shell(state, name), value);
    }
    for name in ["env", "env.json", "aws-endpoint"] {
        let mode = fs::metadata(state.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(stack);
    for name in ["env", "env.json", "aws-endpoint"] {
        assert!(!state.join(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn a_folder_has_at_most_one_stack() {
    let folder = tempfile::tempdir().unwrap();
    let _first = start(Some(folder.path()), None).await.unwrap();
    let second = start(Some(folder.path()), None).await;
    assert!(matches!(second, Err(LocalStackError::InUse(_))));
}

#[tokio::test]
async fn the_first_stack_without_state_writes_its_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(None, Some(folder.path())).await.unwrap();
    let _second = start(None, Some(folder.path())).await.unwrap();
    let file = folder.path().join("aws-endpoint-memory");
    assert_eq!(fs::read_to_string(&file).unwrap(), first.aws_url);
    drop(first);
    assert!(!file.exists());
}
