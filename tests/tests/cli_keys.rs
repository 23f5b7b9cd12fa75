//! The program `latchkey` over a running stack, whose keys rotate through the real function.
#![cfg(test)]

use std::{
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
    thread,
};

use auth_tests::stack::{PASSWORD, Settings, Stack, Tokens, binaries};
use serde_json::{Value, json};

/// The program with what leads to the stack, and with credentials that mean nothing.
fn run(deployment: &[&str], arguments: &[&str]) -> Output {
    Command::new(binaries().join("latchkey"))
        .args(deployment)
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_REGION", "us-east-1")
        // Nothing of the machine's own settings, and no search for those of a server.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null())
        .output()
        .expect("`latchkey` is built: run the tests with `make test`")
}

fn ask(stack: &Stack, arguments: &[&str]) -> Output {
    run(&["--endpoint-url", &stack.aws, "--stack", "local"], arguments)
}

#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

/// The ids of the keys in a state.
fn kids(ring: &Value, state: &str) -> Vec<String> {
    let keys = ring["keys"].as_array().unwrap().iter().filter(|key| key["state"] == state);
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn list(stack: &Stack) -> Value {
    json(&ask(stack, &["keys", "list", "--json"]))
}

async fn tokens(stack: &Stack) -> Tokens {
    stack.sign_up("alice").await;
    Tokens::of(&stack.post("/login", &json!({ "username": "alice", "password": PASSWORD })).await)
}

#[tokio::test]
async fn a_rotation_has_the_next_key_sign_and_the_one_before_verify() {
    let stack = Settings::default().start();
    let token = tokens(&stack).await.access;
    let before = list(&stack);
    let (current, next) = (kids(&before, "current"), kids(&before, "next"));
    assert_eq!((current.len(), next.len()), (1, 1), "{before}");
    assert_eq!((&before["agree"], &before["max_age"]), (&json!(true), &json!(120)));
    assert_eq!(before["signing"], current[0]);

    let table = text(&ask(&stack, &["keys", "list"]));
    let rows: Vec<Vec<_>> =
        table.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    let expected = [
        ["KEY", "ALGORITHM", "STATE"],
        [current[0].as_str(), "ES256", "current"],
        [next[0].as_str(), "ES256", "next"],
    ];
    assert_eq!(rows, expected);

    let inspected = json(&ask(&stack, &["token", "inspect", &token, "--json"]));
    assert_eq!(
        (&inspected["verdict"], &inspected["key"]["state"]),
        (&json!("valid"), &json!("current"))
    );

    let told = text(&ask(&stack, &["keys", "rotate"]));
    let expected = format!("{} → {}\nFunctions sign with it within 120 s.\n", current[0], next[0]);
    assert_eq!(told, expected);
    let after = list(&stack);
    assert_eq!((kids(&after, "current"), kids(&after, "previous")), (next.clone(), current));
    assert!(kids(&after, "next").len() == 1 && after["agree"] == true, "{after}");

    let inspected = text(&ask(&stack, &["token", "inspect", &token]));
    assert!(inspected.starts_with("VALID: ") && inspected.contains(", ES256, previous\n"));

    let rotated = json(&ask(&stack, &["keys", "rotate", "--json"]));
    assert_eq!(
        (&rotated["from"], &rotated["to"]),
        (&json!(next[0]), &json!(kids(&after, "next")[0]))
    );
    assert_eq!(kids(&list(&stack), "previous").len(), 2);
}

#[tokio::test]
async fn a_retired_key_is_gone_and_nothing_else_is() {
    let stack = Settings::default().start();
    let token = tokens(&stack).await.access;
    let ring = list(&stack);
    let current = kids(&ring, "current")[0].clone();

    let refused = ask(&stack, &["keys", "retire", &current]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--yes"), "{refused:?}");
    for (id, reason) in [("no-such-key", "no key has the id"), (&current[..5], "6 characters")] {
        let refused = ask(&stack, &["keys", "retire", id, "--yes"]);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(reason), "{refused:?}");
    }
    assert_eq!(list(&stack), ring, "nothing was done");

    text(&ask(&stack, &["keys", "rotate"]));
    let before = list(&stack);
    assert_eq!(kids(&before, "previous"), std::slice::from_ref(&current));
    let retired = text(&ask(&stack, &["keys", "retire", &current[..12], "--yes"]));
    let first =
        format!("{current} is retired: our functions refuse every token of it within 120 s");
    assert!(retired.starts_with(&first), "{retired}");
    let after = list(&stack);
    assert!(kids(&after, "previous").is_empty() && after["agree"] == true, "{after}");
    assert_eq!(kids(&after, "current"), kids(&before, "current"));
    assert_eq!(kids(&after, "next"), kids(&before, "next"));

    let inspected = ask(&stack, &["token", "inspect", &token, "--json"]);
    assert_eq!(inspected.status.code(), Some(1));
    let inspected: Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["verdict"], "unknown_key");

    let left =
        json(&ask(&stack, &["keys", "retire", &kids(&after, "current")[0], "--yes", "--json"]));
    assert_eq!(kids(&left, "current"), kids(&after, "next"), "the next key signs at once");
}

/// Leads to the stack's AWS, and loses the reply to whatever says `word`.
fn losing_replies(stack: &Stack, word: &'static str) -> String {
    let aws = stack.aws.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = BufReader::new(client.unwrap());
            let mut aws = BufReader::new(TcpStream::connect(&aws).unwrap());
            thread::spawn(move || {
                while let Some(request) = message(&mut client) {
                    aws.get_mut().write_all(&request).unwrap();
                    let reply = message(&mut aws).unwrap();
                    if String::from_utf8_lossy(&request).contains(word) {
                        break;
                    }
                    client.get_mut().write_all(&reply).unwrap();
                }
            });
        }
    });
    url
}

/// The next message of HTTP as it came; `None` when there are no more.
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
async fn a_retirement_whose_reply_is_lost_is_seen_to_be_done() {
    let stack = Settings::default().start();
    let before = list(&stack);
    let current = kids(&before, "current")[0].clone();
    let url = losing_replies(&stack, "\"retire\"");
    let deployment = ["--endpoint-url", url.as_str(), "--stack", "local"];
    let left = json(&run(&deployment, &["keys", "retire", &current, "--yes", "--json"]));
    assert_eq!(left, list(&stack));
    assert_eq!(kids(&left, "current"), kids(&before, "next"));
    assert!(!left.to_string().contains(&current), "{left}");
}

#[tokio::test]
async fn a_stack_on_this_machine_is_found_by_its_folder() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().to_str().unwrap();
    let stack = Settings::default().option("--state", folder).start();
    let local = [format!("--local={folder}")];
    let local: Vec<_> = local.iter().map(String::as_str).collect();

    let ring = json(&run(&local, &["keys", "list", "--json"]));
    assert_eq!(ring, list(&stack));
    let rotated = json(&run(&local, &["keys", "rotate", "--json"]));
    assert_eq!(rotated["to"], kids(&ring, "next")[0]);
    let token = tokens(&stack).await.refresh;
    let inspected = json(&run(&local, &["token", "inspect", &token, "--json"]));
    assert_eq!(
        (&inspected["verdict"], &inspected["header"]["typ"]),
        (&json!("valid"), &json!("rt+jwt"))
    );

    let elsewhere = run(&["--endpoint-url", &stack.aws, "--stack", "other"], &["keys", "list"]);
    assert_eq!(elsewhere.status.code(), Some(1));
    let said = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(said.starts_with("latchkey: there is no function other-keys"), "{said}");
}
