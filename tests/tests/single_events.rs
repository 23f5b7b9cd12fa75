//! Single functions beside a running stack, with the variables in its files.
#![cfg(test)]

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use latchkey_tests::{
    repository::{functions, read},
    stack::{Settings, binaries},
};
use local::{
    log::FunctionLog,
    sandbox::{FunctionCommand, Sandbox},
};
use serde_json::Value;

type VariableMap = BTreeMap<String, String>;

/// The variables of one function in `env.json`.
fn sam_variables(state: &Path, function: &str) -> VariableMap {
    let text = fs::read_to_string(state.join("env.json")).unwrap();
    let all: BTreeMap<String, VariableMap> = serde_json::from_str(&text).unwrap();
    all[function].clone()
}

/// The environment of a shell that has sourced `env`.
fn shell_variables(state: &Path) -> VariableMap {
    let script = format!(". {}/env; env -0", state.display());
    let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.split('\0').filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Invokes a function with an event and only these variables.
async fn invoke(binary: &str, variables: VariableMap, event: &str) -> Value {
    let binary_path = binaries().join(binary);
    let command = FunctionCommand {
        name: binary.to_owned(),
        binary: binary_path,
        memory: 256,
        variables,
        log: FunctionLog::default(),
    };
    let mut sandbox = Sandbox::start(&command).unwrap();
    let event = read(format!("events/{event}.json"));
    let answer = sandbox.invoke(event.into(), Duration::from_secs(20)).await.unwrap();
    sandbox.stop().await;
    serde_json::from_slice(&answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_runs_alone_uses_tables_and_keys_of_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let settings = Settings::default().option("--state", &state.display().to_string());
    let mut stack = settings.start();
    // The walk-through of the README does the same.
    assert_eq!(stack.sign_up("alice").await.status, 201);
    let functions = functions();
    let in_shell = shell_variables(state);
    for variables in [sam_variables(state, &functions["login"].0), in_shell.clone()] {
        let answer = invoke("login", variables, "login").await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(stack.get("/protected", token).await.status, 200);
    }
    for (binary, event) in [("protected", "protected-optional"), ("discovery", "discovery-jwks")] {
        for variables in [sam_variables(state, &functions[binary].0), in_shell.clone()] {
            let answer = invoke(binary, variables, event).await;
            assert_eq!(answer["statusCode"], 200, "{binary}: {answer}");
        }
    }
    stack.stop("TERM");
    let left = ["env", "env.json", "aws-endpoint"].map(|name| state.join(name).exists());
    assert_eq!(left, [false; 3]);
}

#[test]
fn a_stack_without_state_is_operated_by_its_address() {
    let stack = Settings::default().start();
    let latchkey = |local: &str| {
        let arguments = ["keys", "rotate", local];
        Command::new(binaries().join("latchkey")).args(arguments).output().unwrap()
    };
    let rotated = latchkey(&format!("--local={}", stack.aws));
    assert!(rotated.status.success(), "{rotated:?}");
    let folder = tempfile::tempdir().unwrap();
    let refused = latchkey(&format!("--local={}", folder.path().display()));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && error.lines().count() == 1, "{error}");
    assert!(error.contains("make dev") && error.contains("--local=http://"), "{error}");
}

#[test]
fn sam_can_set_the_endpoints_of_the_stack() {
    // SAM sets only variables that the template names.
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read("template.yaml")).unwrap();
    let named = &template["Globals"]["Function"]["Environment"]["Variables"];
    for name in
        ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_SECRETS_MANAGER"]
    {
        assert!(!named[name].is_null(), "{name}");
    }
}
