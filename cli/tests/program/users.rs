//! `latchkey users`: lists, users and failures.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Output, Stdio},
};

use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::{
    failure,
    lambda::{Lambda, summary, user},
    on_terminal, run, text,
};

pub(crate) fn run_on(lambda: &Lambda, arguments: &[&str]) -> Output {
    run(&[&["users"], arguments, &[&lambda.local()]].concat())
}

pub(crate) fn error_of(output: &Output) -> String {
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
    let mut alice = summary("alice", "id-1");
    // It is three days before now, and a second may have begun.
    alice["created_at"] = users[0]["created_at"].clone();
    assert_eq!((users.len(), &users[0]), (3, &alice));
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
