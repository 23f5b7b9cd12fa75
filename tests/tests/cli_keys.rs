//! The program `latchkey` with a running stack and the real `admin` function.
#![cfg(test)]

use std::{
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use latchkey_tests::{
    program::{error, json, run, text},
    stack::{PASSWORD, Settings, Stack, Tokens},
};
use serde_json::{Value, json};

fn run_at(deployment: &[&str], arguments: &[&str]) -> Output {
    run(&[deployment, arguments].concat())
}

fn run_on(stack: &Stack, arguments: &[&str]) -> Output {
    run_at(&["--endpoint-url", &stack.aws, "--stack", "local"], arguments)
}

/// The ids of the keys with a state.
fn kids(ring: &Value, state: &str) -> Vec<String> {
    let keys = ring["keys"].as_array().unwrap().iter().filter(|key| key["state"] == state);
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn list(stack: &Stack) -> Value {
    json(&run_on(stack, &["keys", "list", "--json"]))
}

async fn tokens(stack: &Stack) -> Tokens {
    stack.sign_up("alice").await;
    Tokens::of(&stack.post("/login", &json!({ "username": "alice", "password": PASSWORD })).await)
}

#[tokio::test]
async fn a_rotation_publishes_a_key_and_a_forced_one_makes_it_sign() {
    let stack = Settings::default().start();
    let token = tokens(&stack).await.access;
    let before = list(&stack);
    let current = kids(&before, "current");
    assert_eq!((current.len(), before["keys"].as_array().unwrap().len()), (1, 1), "{before}");
    assert_eq!(before["max_age"], 120);

    let output = text(&run_on(&stack, &["keys", "rotate"]));
    let published = list(&stack);
    let next = kids(&published, "next");
    let expected = format!("{} is published. {} still signs.\n", next[0], current[0]);
    assert!(output.starts_with(&expected), "{output}");
    assert_eq!(kids(&published, "current"), current);

    let table = text(&run_on(&stack, &["keys", "list"]));
    let rows: Vec<Vec<_>> =
        table.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    let expected = [
        ["KEY", "ALGORITHM", "STATE"],
        [current[0].as_str(), "ES256", "current"],
        [next[0].as_str(), "ES256", "next"],
    ];
    assert_eq!(rows, expected);

    let inspected = json(&run_on(&stack, &["token", "inspect", &token, "--json"]));
    assert_eq!(
        (&inspected["verdict"], &inspected["key"]["state"]),
        (&json!("valid"), &json!("current"))
    );

    let refused = run_on(&stack, &["keys", "rotate"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let error = error(&refused);
    assert!(error.contains("published 0 min ago") && error.contains("--force"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(list(&stack), published);

    let output = text(&run_on(&stack, &["keys", "rotate", "--force"]));
    let next = &next[0];
    let expected = format!("{} → {next}\nFunctions sign with {next} within 120 s.", current[0]);
    assert!(output.starts_with(&expected), "{output}");
    let after = list(&stack);
    assert_eq!((kids(&after, "current"), kids(&after, "previous")), (vec![next.clone()], current));
    assert_eq!(kids(&after, "next").len(), 1, "{after}");

    let inspected = text(&run_on(&stack, &["token", "inspect", &token]));
    assert!(inspected.starts_with("VALID: ") && inspected.contains(", ES256, previous\n"));

    let rotated = json(&run_on(&stack, &["keys", "rotate", "--force", "--json"]));
    assert_eq!((&rotated["from"], &rotated["to"]), (&json!(next), &json!(kids(&after, "next")[0])));
    assert_eq!(kids(&list(&stack), "previous").len(), 2);
}

#[tokio::test]
async fn a_retirement_removes_that_key_only() {
    let stack = Settings::default().start();
    let token = tokens(&stack).await.access;
    let ring = list(&stack);
    let current = kids(&ring, "current")[0].clone();

    let refused = run_on(&stack, &["keys", "retire", &current]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(error(&refused).contains("--yes"), "{refused:?}");
    for (id, reason) in [("no-such-key", "no key has the id"), (&current[..5], "6 characters")] {
        let refused = run_on(&stack, &["keys", "retire", id, "--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(error(&refused).contains(reason), "{refused:?}");
    }
    assert_eq!(list(&stack), ring, "unchanged");

    text(&run_on(&stack, &["keys", "rotate", "--force"]));
    let before = list(&stack);
    assert_eq!(kids(&before, "previous"), std::slice::from_ref(&current));
    let retired = text(&run_on(&stack, &["keys", "retire", &current[..12], "--yes"]));
    let first = format!("{current} is retired: our functions refuse its tokens within 120 s");
    assert!(retired.starts_with(&first), "{retired}");
    let after = list(&stack);
    assert!(kids(&after, "previous").is_empty(), "{after}");
    assert_eq!(after["retired"][0]["kid"], current);
    assert_eq!(kids(&after, "current"), kids(&before, "current"));
    assert_eq!(kids(&after, "next"), kids(&before, "next"));
    let again = run_on(&stack, &["keys", "retire", &current[..12], "--yes"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(error(&again).contains("is already retired"), "{again:?}");

    let inspected = run_on(&stack, &["token", "inspect", &token, "--json"]);
    assert_eq!(inspected.status.code(), Some(1));
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["verdict"], "unknown_key");

    let left =
        json(&run_on(&stack, &["keys", "retire", &kids(&after, "current")[0], "--yes", "--json"]));
    assert_eq!(kids(&left, "current"), kids(&after, "next"), "the next key signs at once");
}

#[tokio::test]
async fn a_reset_generates_a_key_and_keeps_or_retires_the_old_one() {
    let stack = Settings::default().start();
    let before = list(&stack);
    let refused = run_on(&stack, &["keys", "reset"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(list(&stack), before, "unchanged");
    let kept = json(&run_on(&stack, &["keys", "reset", "--yes", "--json"]));
    assert_eq!(kids(&kept, "previous"), kids(&before, "current"));
    let alone = json(&run_on(&stack, &["keys", "reset", "--discard", "--yes", "--json"]));
    assert_eq!(alone["keys"].as_array().unwrap().len(), 1);
    assert_eq!(alone["retired"].as_array().unwrap().len(), 2);
    assert!(text(&run_on(&stack, &["keys", "list"])).contains(" retired "));
}

/// A proxy to the stack's AWS emulator that drops the reply to the first request with `word`.
fn losing_first_reply(stack: &Stack, word: &'static str) -> String {
    let aws = stack.aws.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let has_lost = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = BufReader::new(client.unwrap());
            let mut aws = BufReader::new(TcpStream::connect(&aws).unwrap());
            let has_lost = Arc::clone(&has_lost);
            thread::spawn(move || {
                while let Some(request) = message(&mut client) {
                    aws.get_mut().write_all(&request).unwrap();
                    let reply = message(&mut aws).unwrap();
                    let has_word = String::from_utf8_lossy(&request).contains(word);
                    if has_word && !has_lost.swap(true, Ordering::SeqCst) {
                        break;
                    }
                    client.get_mut().write_all(&reply).unwrap();
                }
            });
        }
    });
    url
}

/// Reads the next HTTP message; `None` at the end of the stream.
fn message(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let (mut message, mut length) = (Vec::new(), 0);
    loop {
        let start = message.len();
        stream.read_until(b'\n', &mut message).ok()?;
        let line = String::from_utf8_lossy(&message[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim_end().is_empty() {
            let start = message.len();
            message.resize(start + length, 0);
            stream.read_exact(&mut message[start..]).ok()?;
            return Some(message).filter(|message| !message.is_empty());
        }
    }
}

#[tokio::test]
async fn a_retirement_with_a_lost_reply_is_applied_once() {
    let stack = Settings::default().start();
    text(&run_on(&stack, &["keys", "rotate"]));
    let before = list(&stack);
    let current = kids(&before, "current")[0].clone();
    let url = losing_first_reply(&stack, "keys.retire");
    let deployment = ["--endpoint-url", url.as_str(), "--stack", "local"];
    let left = json(&run_at(&deployment, &["keys", "retire", &current, "--yes", "--json"]));
    assert_eq!(left, list(&stack));
    assert_eq!(kids(&left, "current"), kids(&before, "next"));
    assert_eq!(left["retired"].as_array().unwrap().len(), 1, "{left}");
}

#[tokio::test]
async fn a_local_stack_is_found_by_its_folder() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().to_str().unwrap();
    let stack = Settings::default().option("--state", folder).start();
    let local = [format!("--local={folder}")];
    let local: Vec<_> = local.iter().map(String::as_str).collect();

    let ring = json(&run_at(&local, &["keys", "list", "--json"]));
    assert_eq!(ring, list(&stack));
    let rotated = json(&run_at(&local, &["keys", "rotate", "--json"]));
    assert_eq!(rotated["from"], rotated["to"], "the rotation only publishes a next key");
    let token = tokens(&stack).await.refresh;
    let inspected = json(&run_at(&local, &["token", "inspect", &token, "--json"]));
    assert_eq!(
        (&inspected["verdict"], &inspected["header"]["typ"]),
        (&json!("valid"), &json!("rt+jwt"))
    );

    let elsewhere = run_at(&["--endpoint-url", &stack.aws, "--stack", "other"], &["keys", "list"]);
    assert_eq!(elsewhere.status.code(), Some(1));
    let error = error(&elsewhere);
    assert!(error.starts_with("latchkey: there is no function other-admin"), "{error}");
}

#[tokio::test]
async fn a_stack_without_state_is_found_by_its_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Settings::default().started_in(folder.path()).start();
    let local = format!("--local={}", folder.path().join(".local").display());
    assert_eq!(json(&run_at(&[&local], &["keys", "list", "--json"])), list(&stack));
    // A second stack does not replace it.
    let second = Settings::default().started_in(folder.path()).start();
    assert_eq!(json(&run_at(&[&local], &["keys", "list", "--json"])), list(&stack));
    drop(stack);
    let gone = run_at(&[&local], &["keys", "list"]);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    assert_eq!(kids(&list(&second), "current").len(), 1);
}
