//! `latchkey users`: commands that change a user.

use std::{io, process::Command};

use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::{
    failure,
    lambda::{Lambda, report, user},
    on_aws, run, text,
    users::{error_of, run_on},
};

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
    let report = with_code(user("alice", "id-1"));
    let lambda = Lambda::answering(move |_, _| Ok(report.clone()));
    let (reader, writer) = io::pipe().unwrap();
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
