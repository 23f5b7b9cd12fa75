//! The log of a stack with its state in a folder.
#![cfg(test)]

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::{Duration, Instant},
};

use local::{
    stack::{LocalStack, StackSettings},
    template::{Parameters, Template, TemplateError},
};
use serde_json::Value;
use tempfile::TempDir;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A template with one function and this logging configuration.
fn template(logging: &str) -> Result<Template, TemplateError> {
    let text = format!(
        "
Resources:
  OneFunction:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: one}}}}
    Properties: {{MemorySize: 128, Timeout: 2, LoggingConfig: {logging}}}
"
    );
    Template::parse(&text, &Parameters::new())
}

const JSON: &str = "{LogFormat: JSON, ApplicationLogLevel: TRACE}";

/// The last line of the function, which no level drops, with the log format that it was given.
const END: &str =
    r#"{"level":"FATAL","timestamp":"2026-11-02T16:51:31Z","format":"'$AWS_LAMBDA_LOG_FORMAT'"}"#;

/// A folder with a function that writes these lines and ends.
fn function_writing(lines: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one");
    let prints: Vec<_> =
        lines.iter().chain(&[END]).map(|line| format!("echo '{line}'\n")).collect();
    fs::write(&file, format!("#!/bin/sh\n{}", prints.concat())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

/// Starts a stack and lets its function write its lines.
async fn run(
    lines: &[&str],
    logging: &str,
    state: Option<&Path>,
    format: Option<&str>,
) -> LocalStack {
    let binaries = function_writing(lines);
    let settings = StackSettings {
        template: &template(logging).unwrap(),
        binaries: binaries.path(),
        dynamodb_url: "http://127.0.0.1:1",
        state,
        endpoint_folder: None,
        given: &|name| format.filter(|_| name == "AWS_LAMBDA_LOG_FORMAT").map(str::to_owned),
        requests_per_sandbox: None,
    };
    let stack = LocalStack::start(&settings).await.unwrap();
    stack.functions["OneFunction"].warm().await.unwrap_err();
    stack
}

/// The entries of the log file, when it has the last line of the function.
async fn entries(state: &Path) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let text = fs::read_to_string(state.join("log.jsonl")).unwrap();
        if text.contains("\"format\"") {
            return text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        }
        assert!(Instant::now() < deadline, "{text}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The values of `n` in the entries.
fn numbers(entries: &[Value]) -> Vec<u64> {
    entries.iter().filter_map(|entry| entry["n"].as_u64()).collect()
}

#[tokio::test]
async fn json_lines_are_stored_with_time_and_function() {
    let state = tempfile::tempdir().unwrap();
    let lines = [r#"{"n":1}"#, "text", "[2]", r#"{"n":3,"time":"x"}"#];
    let _stack = run(&lines, JSON, Some(state.path()), None).await;
    let entries = entries(state.path()).await;
    assert_eq!((entries.len(), numbers(&entries)), (3, vec![1, 3]));
    for entry in &entries {
        assert_eq!(entry["function"], "one");
        let time = entry["time"].as_str().unwrap();
        let age = OffsetDateTime::now_utc() - OffsetDateTime::parse(time, &Rfc3339).unwrap();
        assert!(time.ends_with('Z') && age.whole_seconds().abs() < 60, "{time}");
    }
    assert_eq!(entries[2]["format"], "JSON");
    let mode = fs::metadata(state.path().join("log.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn lines_below_the_level_of_the_template_are_dropped_as_by_lambda() {
    let timed = |level: &str, n: u64| {
        format!(r#"{{"level":"{level}","timestamp":"2026-11-02T16:51:31Z","n":{n}}}"#)
    };
    let lines = [
        timed("TRACE", 1),
        timed("DEBUG", 2),
        timed("INFO", 3),
        timed("WARN", 4),
        timed("ERROR", 5),
        // Lambda assigns INFO to these.
        r#"{"n":6}"#.to_owned(),
        r#"{"level":"ERROR","n":7}"#.to_owned(),
    ];
    let lines = lines.each_ref().map(String::as_str);
    for (logging, kept) in [
        (JSON, &[1, 2, 3, 4, 5, 6, 7][..]),
        ("{LogFormat: JSON, ApplicationLogLevel: DEBUG}", &[2, 3, 4, 5, 6, 7]),
        ("{LogFormat: JSON}", &[3, 4, 5, 6, 7]),
        ("{LogFormat: JSON, ApplicationLogLevel: WARN}", &[4, 5]),
        ("{LogFormat: Text}", &[1, 2, 3, 4, 5, 6, 7]),
        ("{}", &[1, 2, 3, 4, 5, 6, 7]),
    ] {
        let state = tempfile::tempdir().unwrap();
        let _stack = run(&lines, logging, Some(state.path()), None).await;
        assert_eq!(numbers(&entries(state.path()).await), kept, "{logging}");
    }
}

#[tokio::test]
async fn the_format_of_the_environment_overrides_the_template() {
    for (given, is_stored, logging) in [
        (None, true, JSON),
        (Some("JSON"), true, JSON),
        (Some("JSON"), true, "{}"),
        (Some("Text"), false, JSON),
    ] {
        let state = tempfile::tempdir().unwrap();
        let _stack = run(&[], logging, Some(state.path()), given).await;
        assert_eq!(state.path().join("log.jsonl").exists(), is_stored, "{given:?}");
        if is_stored {
            assert_eq!(entries(state.path()).await[0]["format"], "JSON", "{given:?} {logging}");
        }
    }
}

#[tokio::test]
async fn a_restart_appends_and_a_torn_line_costs_no_other() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("log.jsonl"), "{\"n\":1}\n{\"n\":2").unwrap();
    drop(run(&[r#"{"n":3}"#], JSON, Some(state.path()), None).await);
    assert_eq!(numbers(&entries(state.path()).await), [1, 3]);
}

#[tokio::test]
async fn a_large_file_becomes_the_previous_one_at_the_start() {
    for (length, is_moved) in [(10_000_000, false), (10_000_001, true)] {
        let state = tempfile::tempdir().unwrap();
        let [file, previous] = ["log.jsonl", "log.1.jsonl"].map(|name| state.path().join(name));
        fs::write(&previous, "older").unwrap();
        File::create(&file).unwrap().set_len(length).unwrap();
        let _stack = run(&[], JSON, Some(state.path()), None).await;
        let moved = fs::metadata(&previous).unwrap().len();
        assert_eq!(moved, if is_moved { length } else { 5 }, "{length}");
        assert_eq!(fs::metadata(&file).unwrap().len() < 1_000, is_moved, "{length}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_does_not_stop_the_stack() {
    for target in ["/dev/full", "/no/such/folder/file", "/"] {
        let state = tempfile::tempdir().unwrap();
        symlink(target, state.path().join("log.jsonl")).unwrap();
        run(&[r#"{"n":1}"#], JSON, Some(state.path()), None).await;
    }
}

#[test]
fn an_unknown_level_or_format_of_a_template_is_refused() {
    for logging in ["{LogFormat: XML}", "{LogFormat: JSON, ApplicationLogLevel: LOUD}"] {
        let refused = template(logging).unwrap_err().to_string();
        assert!(refused.starts_with("OneFunction: unknown variant"), "{refused}");
    }
}
