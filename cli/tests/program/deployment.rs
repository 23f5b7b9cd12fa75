//! Selection of the deployment, and its failures.

use std::{fs, process::Command};

use serde_json::json;

use crate::{
    failure,
    lambda::{Lambda, report},
    on_aws, run, text,
};

#[test]
fn deployment_options_may_stand_before_and_after_the_command() {
    let lambda = Lambda::replying(&[report(&[("key-a", "current")], 0)]);
    let options = format!("--stack a --region eu-west-1 --endpoint-url {}", lambda.url);
    for line in [
        format!("{options} --json keys list"),
        format!("keys {options} --json list"),
        format!("keys list {options} --json"),
    ] {
        let output = on_aws().args(line.split_whitespace()).output().unwrap();
        assert!(text(&output).starts_with('{'), "{line}");
    }
    let list = ("a-admin".to_owned(), json!({ "command": "keys.list" }));
    assert_eq!(lambda.requests(), [list.clone(), list.clone(), list]);
}

#[test]
fn the_endpoint_of_the_command_line_overrides_that_of_the_environment() {
    let lambda = Lambda::replying(&[report(&[("key-a", "current")], 0)]);
    let mut program = on_aws();
    program.env("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9").env("AWS_REGION", "eu-west-1");
    let output = program.args(["keys", "list", "--endpoint-url", &lambda.url]).output().unwrap();
    assert!(text(&output).contains("key-a"));
}

#[test]
fn the_folder_of_the_local_stack_is_optional() {
    let lambda = Lambda::replying(&[report(&[("key-a", "current")], 0)]);
    let folder = tempfile::tempdir().unwrap();
    for name in [".local", "state"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("aws-endpoint"), &lambda.url).unwrap();
    }
    for line in ["keys list --local", "keys --local list", "keys list --local=state"] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let output = program.args(line.split(' ')).current_dir(folder.path()).output().unwrap();
        assert!(text(&output).contains("key-a"), "{line}");
    }
    assert!(lambda.requests().iter().all(|(function, _)| function == "local-admin"));
}

#[test]
fn local_cannot_be_combined_with_options_for_aws() {
    for option in ["profile", "region", "stack", "endpoint-url"] {
        let output = run(&[&format!("--{option}"), "x", "keys", "list", "--local"]);
        assert_eq!(output.status.code(), Some(2), "{option}: {output:?}");
    }
}

#[test]
fn the_error_message_of_the_function_is_shown() {
    let error = |payload| failure(&run(&["keys", "list", &Lambda::failing(payload).local()]));
    let payload = r#"{"errorType":"UnknownKey","errorMessage":"there is no such key"}"#;
    assert_eq!(error(payload), "latchkey: local-admin: there is no such key\n");
    for odd in ["", "{}", "[]", "x"] {
        assert_eq!(error(odd), "latchkey: local-admin: it failed without a message\n", "{odd}");
    }
}

#[test]
fn an_answer_that_is_not_a_report_is_an_error() {
    for answer in [
        json!(null),
        json!({ "started": true }),
        json!({ "keys": [] }),
        json!({ "keys": [{ "kid": "a" }], "max_age": 120 }),
    ] {
        let lambda = Lambda::replying(std::slice::from_ref(&answer));
        let error = failure(&run(&["keys", "list", &lambda.local()]));
        assert!(error.contains("unexpected answer of local-admin"), "{answer}: {error}");
    }
}
