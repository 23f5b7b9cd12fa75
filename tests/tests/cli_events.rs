//! The log of a running stack, and `latchkey events` over it.
#![cfg(test)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Output,
    thread,
    time::{Duration, Instant},
};

use latchkey_tests::{
    program,
    repository::read,
    stack::{Settings, Stack, Tokens},
};
use serde_json::{Value, json};

fn run(place: &str, arguments: &[&str]) -> Output {
    program::run(&[&["events", &format!("--local={place}")], arguments].concat())
}

fn text(state: &Path, arguments: &[&str]) -> String {
    program::text(&run(state.to_str().unwrap(), arguments))
}

fn found(state: &Path, arguments: &[&str]) -> Vec<Value> {
    serde_json::from_str(&text(state, &[arguments, &["--json"]].concat())).unwrap()
}

/// Waits until the log has this number of events. The functions' lines arrive after their answers.
fn wait_for(state: &Path, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while found(state, &[]).len() < count {
        assert!(Instant::now() < deadline, "{:?}", found(state, &[]));
        thread::sleep(Duration::from_millis(20));
    }
}

fn with_state(state: &Path) -> Settings {
    Settings::default()
        .cheap_hashes()
        .variable("REFRESH_GRACE", "0")
        .option("--state", state.to_str().unwrap())
}

async fn fail_to_log_in(stack: &Stack, username: &str) {
    let wrong = json!({ "username": username, "password": "wrong password" });
    assert_eq!(stack.post("/login", &wrong).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_query_finds_its_events_in_the_log_of_a_stack() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    let stack = with_state(state).start();
    let user = stack.sign_up("alice").await.body["user"]["id"].as_str().unwrap().to_owned();
    fail_to_log_in(&stack, "alice").await;
    fail_to_log_in(&stack, "alice").await;
    fail_to_log_in(&stack, "mallory").await;
    let first = stack.tokens_of("alice").await.refresh;
    let second = Tokens::of(&stack.refresh(&first).await);
    assert_eq!(stack.refresh(&first).await.text("error"), "refresh_token_reused");
    assert_eq!(stack.log_out(&second.access).await.status, 200);
    wait_for(state, 8);
    let local = format!("--local={}", state.display());
    program::text(&program::run(&["users", "unlock", "alice", &local]));
    program::text(&program::run(&["keys", "rotate", &local]));
    wait_for(state, 10);

    let events = found(state, &[]);
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[2], names[9]), (10, "logout", "signup"));
    let mut commands = [names[0], names[1]];
    commands.sort_unstable();
    assert_eq!(commands, ["key_rotation", "user_unlock"]);
    let login = found(state, &["--event", "login", "--failures", "--user", &user]).remove(0);
    let members: Vec<_> = login.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["event", "ip", "outcome", "reason", "request_id", "time", "user_id"];
    assert_eq!(members, expected);
    assert_eq!((&login["ip"], &login["user_id"]), (&json!("127.0.0.1"), &json!(user)));
    assert!(login["time"].as_str().unwrap().ends_with('Z'), "{login}");

    let counts = |query| {
        let mut groups = found(state, &[query]);
        for group in &mut groups {
            let last = group.as_object_mut().unwrap().remove("last").unwrap();
            assert!(last.as_str().unwrap().ends_with('Z'), "{last}");
        }
        groups
    };
    assert_eq!(counts("failed-logins-by-account"), [json!({ "user_id": user, "attempts": 2 })]);
    assert_eq!(counts("failed-logins-by-address"), [json!({ "ip": "127.0.0.1", "attempts": 3 })]);
    let reuse = found(state, &["reuse"]);
    assert_eq!((reuse.len(), &reuse[0]["user_id"]), (1, &json!(user)));
    for (query, count) in [("operators", 2), ("keys", 1)] {
        let events = found(state, &[query]);
        assert_eq!(events.len(), count, "{query}");
        let is_named = |event: &Value| event["claimed_caller"].as_str() == Some("operator");
        assert!(events.iter().all(is_named), "{events:?}");
    }
    assert_eq!(found(state, &["operators", "--user", &user])[0]["event"], "user_unlock");

    let table = text(state, &["reuse"]);
    let [header, row] = table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
    let header: Vec<_> = header.split_whitespace().collect();
    assert_eq!(header, ["WHEN", "EVENT", "OUTCOME", "REASON", "USER", "ADDRESS"]);
    for cell in [" s ago", "refresh", "failure", "refresh_token_reused", &user, "127.0.0.1"] {
        assert!(row.contains(cell), "{cell}: {table}");
    }
    // The log outlives the stack.
    drop(stack);
    assert_eq!(found(state, &[]), events);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_log_is_the_same_text_whether_functions_write_text_or_json() {
    let readable = r#" INFO audit: event="login" outcome="failure" reason="invalid_credentials" ip="127.0.0.1" user_agent="" request_id="#;
    let json = r#"{"level":"INFO","event":"login","outcome":"failure","reason":"invalid_credentials","ip":"127.0.0.1","user_agent":"","request_id":"#;
    for (format, expected, is_stored) in
        [(None, readable, true), (Some("Text"), readable, false), (Some("JSON"), json, true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let settings = with_state(folder.path());
        let stack = match format {
            Some(format) => settings.variable("AWS_LAMBDA_LOG_FORMAT", format),
            None => settings,
        }
        .start();
        fail_to_log_in(&stack, "mallory").await;
        stack.wait_for_log(&format!("       login | {expected}"));
        assert_eq!(folder.path().join("log.jsonl").exists(), is_stored, "{format:?}");
        if is_stored {
            wait_for(folder.path(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_with_a_higher_level_loses_audit_events() {
    let lines = read("template.yaml");
    let login = "{LogGroup: !Ref LoginLogs, LogFormat: JSON, ApplicationLogLevel: ";
    for (level, logins) in [("TRACE", 3), ("WARN", 0)] {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("template.yaml");
        let changed = lines.replace(&format!("{login}TRACE"), &format!("{login}{level}"));
        assert_eq!(changed == lines, level == "TRACE");
        fs::write(&template, changed).unwrap();
        let stack =
            with_state(folder.path()).option("--template", template.to_str().unwrap()).start();
        for _ in 0..3 {
            fail_to_log_in(&stack, "mallory").await;
        }
        assert_eq!(stack.sign_up("alice").await.status, 201);
        wait_for(folder.path(), logins + 1);
        assert_eq!(found(folder.path(), &["--event", "login"]).len(), logins, "{level}");
        stack.wait_for_log("audit: event=\"signup\"");
        assert_eq!(stack.log().matches("event=\"login\"").count(), logins, "{level}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_log_file_is_reported_once_and_everything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    symlink("/dev/full", folder.path().join("log.jsonl")).unwrap();
    let stack = with_state(folder.path()).start();
    let token = stack.sign_up_and_log_in("alice").await;
    assert_eq!(stack.get("/workitems", &token).await.status, 200);
    stack.wait_for_log("audit: event=\"login\"");
    let reports = stack.log().matches("log lines are not stored until a restart").count();
    assert_eq!(reports, 1, "{}", stack.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_with_its_state_in_memory_keeps_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Settings::default().cheap_hashes().started_in(folder.path()).start();
    fail_to_log_in(&stack, "mallory").await;
    stack.wait_for_log("audit: event=\"login\"");
    assert!(!folder.path().join(".local/log.jsonl").exists());
    let default = folder.path().join(".local");
    for place in [default.to_str().unwrap(), &stack.aws] {
        let output = run(place, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(error.contains("with its state in memory keeps no log"), "{error}");
    }
}
