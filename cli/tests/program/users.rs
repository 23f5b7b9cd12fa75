//! `latchkey users`: events, output and failures.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
};

use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::{
    failure,
    lambda::{Lambda, report, summary, user},
    on_aws, on_terminal, run, text,
};

fn run_on(lambda: &Lambda, arguments: &[&str]) -> Output {
    run(&[&["users"], arguments, &[&lambda.local()]].concat())
}

fn error_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A stack with two pages of users.
fn two_pages() -> Lambda {
    let mut zoe = summary("zoë", "id-3");
    zoe["status"] = json!("disabled");
    zoe["roles"] = json!([]);
    zoe["sessions"] = json!(2);
    zoe["last_used_at"] = json!(Timestamp::now().unix() - 130);
    let first = json!({ "users": [summary("alice", "id-1"), summary("bob", "id-2")], "next": "k" });
    let second = json!({ "users": [zoe], "next": null });
    Lambda::answering(move |_, event| {
        Ok(if event["after"] == "k" { second.clone() } else { first.clone() })
    })
}

#[test]
fn users_are_listed_page_by_page() {
    let lambda = two_pages();
    let expected = "\
NAME   STATUS    ROLES   SESSIONS  LAST USED   CREATED     ID
alice  active    editor  0         -           3 d ago     id-1
bob    active    editor  0         -           3 d ago     id-2
zoë    disabled  -       2         2 min ago   3 d ago     id-3
";
    assert_eq!(text(&run_on(&lambda, &["list"])), expected);
    let list = |after| json!({ "command": "users.list", "after": after, "limit": null });
    assert_eq!(lambda.events(), [list(None), list(Some("k"))]);
}

#[test]
fn a_list_as_json_has_one_user_on_each_line() {
    let text = text(&run_on(&two_pages(), &["list", "--json"]));
    let users: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((users.len(), &users[0]["username"]), (3, &json!("alice")));
    assert_eq!(
        users[0].as_object().unwrap().len(),
        summary("alice", "id-1").as_object().unwrap().len()
    );
    assert_eq!((&users[2]["status"], &users[2]["sessions"]), (&json!("disabled"), &json!(2)));
}

#[test]
fn a_list_has_only_the_users_of_the_filter() {
    for (options, expected) in [
        (&["--status", "disabled"][..], &["zoë"][..]),
        (&["--status", "active"], &["alice", "bob"]),
        (&["--role", "editor"], &["alice", "bob"]),
        (&["--role", "edit"], &[]),
        (&["--role", "editor", "--status", "disabled"], &[]),
    ] {
        let arguments = [&["list", "--json"], options].concat();
        let json = text(&run_on(&two_pages(), &arguments));
        let names = json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let names: Vec<_> = names.map(|user| user["username"].clone()).collect();
        assert_eq!(names, expected, "{options:?}");
    }
    assert_eq!(text(&run_on(&two_pages(), &["list", "--role", "x"])), "no users\n");
    assert_eq!(text(&run_on(&two_pages(), &["list", "--role", "x", "--json"])), "");
}

#[test]
fn a_list_ends_when_its_reader_ends() {
    let page = json!({ "users": [summary("alice", "id-1")], "next": "k" });
    // Pages without end.
    let lambda = Lambda::replying(&[page]);
    for options in [&[][..], &["--json"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_latchkey"))
            .args(["users", "list", &lambda.local()])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        drop(output);
        let ended = program.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), error_of(&ended).as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn a_list_that_is_interrupted_is_an_error() {
    let page = json!({ "users": [summary("alice", "id-1")], "next": "k" });
    let lambda =
        Lambda::answering(
            move |earlier, _| if earlier == 0 { Ok(page.clone()) } else { Err("Unavailable") },
        );
    let output = run_on(&lambda, &["list"]);
    assert_eq!(failure(&output), "latchkey: local-admin: not today\n");
    assert!(String::from_utf8_lossy(&output.stdout).contains("\nalice"), "{output:?}");
}

#[test]
fn control_and_bidirectional_characters_are_escaped() {
    let hostile = "a\u{1b}[2J\nb\u{202e}c\u{2066}";
    let escaped = "a\\u001b[2J\\u000ab\\u202ec\\u2066";
    let mut shown = user(hostile, "id-1");
    for member in ["email", "disabled_reason", "restored_from"] {
        shown[member] = json!(hostile);
    }
    shown["roles"] = json!([hostile]);
    shown["claims"] = json!({ hostile: hostile });
    let at = Timestamp::now().unix();
    shown["live_sessions"] = json!([{
        "id": "s", "created_at": at, "last_used_at": at, "expires_at": at + 60,
        "ip": hostile, "user_agent": hostile,
    }]);
    let list = json!({ "users": [shown], "next": null });
    for (reply, arguments) in [
        (&shown, &["show", "x"][..]),
        (&shown, &["disable", "x", "--reason", "y"]),
        (&list, &["list"]),
    ] {
        let lambda = Lambda::replying(std::slice::from_ref(reply));
        let table = text(&run_on(&lambda, arguments));
        let is_hidden = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}".contains(c);
        assert!(table.contains(escaped) && !table.contains(is_hidden), "{table:?}");
        let json = text(&run_on(&lambda, &[arguments, &["--json"]].concat()));
        assert!(!json.contains(is_hidden), "{json:?}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["username"], &json["roles"][0]), (&json!(hostile), &json!(hostile)));
    }
}

#[test]
fn a_user_is_shown_with_sessions_and_codes() {
    let now = Timestamp::now().unix();
    let mut shown = user("Alice", "id-1");
    shown["email"] = json!("alice@example.com");
    shown["status"] = json!("disabled");
    shown["disabled_reason"] = json!("left");
    shown["claims"] = json!({ "plan": "pro" });
    shown["codes"] = json!([now + 3_630, now + 7_230]);
    shown["restored_from"] = json!("backup 7");
    shown["sessions"] = json!(1);
    shown["live_sessions"] = json!([{
        "id": "s", "created_at": now - 7_210, "last_used_at": now - 130,
        "expires_at": now + 2 * 86_400 + 30, "ip": "192.0.2.1", "user_agent": "curl/8",
    }]);
    let lambda = Lambda::replying(std::slice::from_ref(&shown));
    let expected = "\
User      Alice
Id        id-1
E-mail    alice@example.com
Status    disabled: left
Roles     editor
Created   3 d ago
Password  set
Codes     expire in 1 h, in 2 h
Claims    {\"plan\":\"pro\"}
Restored  from backup 7
Sessions  1
  STARTED  LAST USED  EXPIRES  ADDRESS    USER AGENT
  2 h ago  2 min ago  in 2 d   192.0.2.1  curl/8
";
    assert_eq!(text(&run_on(&lambda, &["show", "alice"])), expected);
    let json: Value =
        serde_json::from_str(&text(&run_on(&lambda, &["show", "a", "--json"]))).unwrap();
    assert_eq!(json, shown);
}

#[test]
fn a_disabled_user_is_red_on_a_terminal_only() {
    let lambda = two_pages();
    let list = ["users", "list", &lambda.local()];
    let shown = text(&on_terminal(&list, ""));
    assert!(shown.contains("\u{1b}[31mzoë  ") && !shown.contains("\u{1b}[31malice"), "{shown:?}");
    assert!(!text(&run(&list)).contains('\u{1b}'));
}

/// Each command that changes one user, and its event without the caller.
fn changes() -> Vec<(&'static [&'static str], Value)> {
    let on_alice = |command: &str, more: Value| {
        let mut event = json!({ "command": format!("users.{command}"), "username": "alice" });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    vec![
        (
            &["disable", "alice", "--reason", "left"],
            on_alice("disable", json!({ "reason": "left" })),
        ),
        (&["enable", "alice"], on_alice("enable", json!({}))),
        (
            &["roles", "alice", "--add", "a", "--remove", "b", "--add", "c"],
            on_alice("roles", json!({ "add": ["a", "c"], "remove": ["b"] })),
        ),
        (
            &["claims", "alice", "--set", "plan=\"pro\"", "--set", "seats=3", "--remove", "x"],
            on_alice("claims", json!({ "set": { "plan": "pro", "seats": 3 }, "remove": ["x"] })),
        ),
        (&["unlock", "alice"], on_alice("unlock", json!({ "address": null }))),
        (
            &["unlock", "alice", "--address", "192.0.2.1"],
            on_alice("unlock", json!({ "address": "192.0.2.1" })),
        ),
        (&["end-sessions", "alice"], on_alice("end-sessions", json!({ "restored_from": null }))),
        (
            &["end-sessions", "alice", "--restored-from", "b"],
            on_alice("end-sessions", json!({ "restored_from": "b" })),
        ),
        (&["reset", "alice", "--yes"], on_alice("reset", json!({}))),
        (
            &["create", "alice", "--email", "a@b.example", "--role", "r"],
            on_alice("create", json!({ "email": "a@b.example", "roles": ["r"] })),
        ),
    ]
}

fn has_code(arguments: &[&str]) -> bool {
    ["create", "reset"].contains(&arguments[0])
}

fn with_code(mut answer: Value) -> Value {
    let expires_at = Timestamp::now().unix() + 24 * 3_600 + 30;
    answer["code"] = json!({ "code": "AAAA-BBBB", "expires_at": expires_at });
    answer
}

#[test]
fn each_change_is_one_event_with_the_caller() {
    for (arguments, mut expected) in changes() {
        let lambda = Lambda::replying(&[with_code(user("Alice", "id-1"))]);
        let output = text(&run_on(&lambda, arguments));
        assert_eq!(output.starts_with("AAAA-BBBB\n"), has_code(arguments), "{output}");
        assert_eq!(output.contains("\nUser      Alice\n"), !has_code(arguments), "{output}");
        let json = run_on(&lambda, &[arguments, &["--json"]].concat());
        let json: Value = serde_json::from_str(&text(&json)).unwrap();
        assert_eq!(json["id"], "id-1");
        expected["caller"] = json!("operator");
        assert_eq!(lambda.events(), [expected.clone(), expected], "{arguments:?}");
    }
}

#[test]
fn the_caller_is_the_user_and_the_access_key() {
    let enable = ["users", "enable", "alice", "--region", "eu-west-1"];
    let lambda = Lambda::replying(&[user("alice", "id-1")]);
    text(&on_aws().args(enable).args(["--endpoint-url", &lambda.url]).output().unwrap());
    assert_eq!(lambda.events()[0]["caller"], "operator, access key local");
    let ring = report(&[("a", "current")], 0);
    let lambda = Lambda::replying(&[ring]);
    let rotate = ["keys", "rotate", "--region", "eu-west-1", "--endpoint-url", &lambda.url];
    text(&on_aws().args(rotate).env("USER", "eve\u{1b}[2J\n").output().unwrap());
    let callers: Vec<_> = lambda.events().iter().map(|event| event["caller"].clone()).collect();
    assert_eq!(callers, [Value::Null, json!("eve[2J, access key local")]);
}

#[test]
fn a_code_is_printed_once_and_its_note_is_apart() {
    for arguments in [&["create", "alice"][..], &["reset", "alice", "--yes"]] {
        let lambda = Lambda::replying(&[with_code(user("alice", "id-1"))]);
        let output = run_on(&lambda, arguments);
        assert_eq!(text(&output), "AAAA-BBBB\n");
        let note = error_of(&output);
        assert!(note.contains("shown once") && note.contains("Z (in 24 h)"), "{note}");
        assert!(!note.contains("AAAA"), "{note}");
        let json: Value =
            serde_json::from_str(&text(&run_on(&lambda, &[arguments, &["--json"]].concat())))
                .unwrap();
        assert_eq!(json["code"]["code"], "AAAA-BBBB");

        let lambda = Lambda::replying(&[user("alice", "id-1")]);
        assert!(failure(&run_on(&lambda, arguments)).contains("unexpected answer of local-admin"));
    }
}

#[test]
fn only_commands_that_may_be_repeated_are_sent_again() {
    for (arguments, _) in changes() {
        let lambda = Lambda::refusing_first(500, &with_code(user("alice", "id-1")));
        let output = run_on(&lambda, arguments);
        if has_code(arguments) {
            let error = failure(&output);
            assert!(
                error.contains("the change may have been made: see `latchkey users show alice`"),
                "{error}"
            );
            assert_eq!(lambda.events().len(), 1, "{arguments:?}");
        } else {
            text(&output);
            assert_eq!(lambda.events().len(), 2, "{arguments:?}");
        }
    }
}

#[test]
fn an_error_says_whether_the_change_may_have_been_made() {
    for (kind, is_uncertain) in [
        ("Request", false),
        ("NotFound", false),
        ("Refused", false),
        ("Unavailable", true),
        ("Sandbox.Timedout", true),
        ("", true),
    ] {
        for (arguments, _) in changes() {
            let error = failure(&run_on(&Lambda::answering(move |_, _| Err(kind)), arguments));
            assert!(error.starts_with("latchkey: local-admin: not today"), "{error}");
            assert_eq!(
                error.contains("; the change may have been made: "),
                is_uncertain,
                "{error}"
            );
        }
        let rotate = ["keys", "reset", "--yes", &Lambda::answering(move |_, _| Err(kind)).local()];
        assert_eq!(failure(&run(&rotate)).contains("see `latchkey keys list`"), is_uncertain);
    }
    for arguments in [&["show", "alice"][..], &["list"]] {
        let error = failure(&run_on(&Lambda::answering(|_, _| Err("Unavailable")), arguments));
        assert_eq!(error, "latchkey: local-admin: not today\n");
    }
    let refusal = Lambda::refusing_first(403, &json!({ "__type": "AccessDeniedException" }));
    let error = failure(&run_on(&refusal, &["create", "alice"]));
    assert!(!error.contains("may have been made"), "{error}");
}

#[test]
fn a_code_that_could_not_be_printed_is_a_failure() {
    let mut report = user("alice", "id-1");
    report["code"] = json!({ "code": "AAAA-BBBB", "expires_at": 1_900_000_000 });
    let lambda = Lambda::answering(move |_, _| Ok(report.clone()));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_latchkey"))
        .args(["users", "create", "alice", &lambda.local()])
        .stdout(writer)
        .output()
        .unwrap();
    let error = failure(&output);
    assert!(error.contains("`latchkey users reset` makes another one for \"alice\""), "{error}");
}

#[test]
fn a_claim_is_set_once() {
    let lambda = Lambda::answering(|_, _| Ok(user("alice", "id-1")));
    let output = run_on(&lambda, &["claims", "alice", "--set", "a=1", "--set", "a=2"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(error_of(&output).contains("--set names the claim \"a\" twice"), "{output:?}");
    assert!(lambda.events().is_empty());
}
