//! `latchkey users`: what cannot be undone.

use std::process::Output;

use serde_json::{Value, json};

use crate::{
    failure,
    lambda::{Lambda, report, summary, user},
    on_terminal, run, text,
};

fn run_on(lambda: &Lambda, arguments: &[&str]) -> Output {
    run(&[&["users"], arguments, &[&lambda.local()]].concat())
}

fn type_on(lambda: &Lambda, arguments: &[&str], typed: &str) -> Output {
    on_terminal(&[&["users"], arguments, &[&lambda.local()]].concat(), typed)
}

fn commands(lambda: &Lambda) -> Vec<String> {
    let events = lambda.events();
    events.iter().map(|event| event["command"].as_str().unwrap().to_owned()).collect()
}

/// A stack with the user Alice, more than 100 rows of hers, and 30 rows of `gone`.
fn stack() -> Lambda {
    Lambda::answering(|earlier, event| {
        Ok(match event["command"].as_str().unwrap() {
            "users.list" => json!({ "users": [summary("Alice", "id-1")], "next": null }),
            "users.delete" => json!({ "deleted": "id-1" }),
            "users.purge" if event["id"] == "id-1" && earlier < 4 => {
                json!({ "removed": 100, "more": true })
            }
            "users.purge" => json!({ "removed": 30, "more": false }),
            _ => {
                let mut answer = user("Alice", "id-1");
                answer["code"] = json!({ "code": "AAAA-BBBB", "expires_at": 4_000_000_000_u32 });
                answer
            }
        })
    })
}

/// What cannot be undone, with the text that confirms it.
const COMMANDS: [(&[&str], &str); 5] = [
    (&["delete", "alice"], "Alice"),
    (&["delete", "alice", "--keep-rows"], "Alice"),
    (&["reset", "alice"], "Alice"),
    (&["end-sessions", "--all"], "all"),
    (&["purge", "gone"], "gone"),
];

#[test]
fn without_a_terminal_nothing_is_sent() {
    for (arguments, _) in COMMANDS {
        let lambda = stack();
        let refused = run_on(&lambda, arguments);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(error, "latchkey: not a terminal; pass --yes to skip the confirmation\n");
        assert_eq!(lambda.events(), [] as [Value; 0]);
        assert!(!text(&run_on(&lambda, &[arguments, &["--yes"]].concat())).is_empty());
    }
}

#[test]
fn only_the_complete_name_confirms() {
    for (arguments, expected) in COMMANDS {
        for typed in ["", "yes", "alice"] {
            let lambda = stack();
            let output = type_on(&lambda, arguments, typed);
            assert_eq!(output.status.code(), Some(1), "{arguments:?} {typed}: {output:?}");
            let shown = String::from_utf8(output.stdout).unwrap();
            assert!(shown.contains("cannot be undone") && shown.contains("nothing was done"));
            let is_read =
                |command: &String| ["users.show", "users.list"].contains(&command.as_str());
            assert!(commands(&lambda).iter().all(is_read), "{:?}", commands(&lambda));
        }
        let lambda = stack();
        let output = type_on(&lambda, arguments, expected);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_key_commands_ask_too() {
    let ring = report(&[("key-a", "current"), ("key-b", "previous")], 0);
    let lambda = Lambda::replying(&[ring]);
    let retire = ["keys", "retire", "key-b", &lambda.local()];
    assert_eq!(on_terminal(&retire, "key-a").status.code(), Some(1));
    assert_eq!(lambda.events().len(), 1);
    assert_eq!(on_terminal(&retire, "key-b").status.code(), Some(0));
    assert_eq!(lambda.events()[2]["command"], "keys.retire");
}

#[test]
fn a_deletion_sends_the_id_that_it_showed_and_removes_the_rows() {
    let lambda = stack();
    let shown = text(&type_on(&lambda, &["delete", "alice"], "Alice"));
    assert!(shown.contains("\nId        id-1\r\n"), "{shown:?}");
    assert!(shown.contains("Alice (id-1) is deleted, with 230 rows."), "{shown}");
    let events = lambda.events();
    assert_eq!((&events[1]["username"], &events[1]["id"]), (&json!("alice"), &json!("id-1")));
    let purges = ["users.purge"; 3].map(str::to_owned);
    assert_eq!(commands(&lambda)[2..], purges);

    let lambda = stack();
    let kept = text(&run_on(&lambda, &["delete", "alice", "--keep-rows", "--yes"]));
    assert_eq!(kept, "Alice (id-1) is deleted. `latchkey users purge id-1` removes its rows.\n");
    assert_eq!(commands(&lambda), ["users.show", "users.delete"]);

    for (options, expected) in [
        (&["--keep-rows"][..], json!({ "deleted": "id-1" })),
        (&[], json!({ "deleted": "id-1", "removed": 230 })),
    ] {
        let arguments = [&["delete", "alice", "--json", "--yes"], options].concat();
        let output = run_on(&stack(), &arguments);
        assert_eq!(serde_json::from_str::<Value>(&text(&output)).unwrap(), expected);
    }
}

#[test]
fn rows_are_removed_also_if_the_reply_to_the_deletion_was_lost() {
    let lambda = Lambda::answering(|_, event| match event["command"].as_str().unwrap() {
        "users.show" => Ok(user("alice", "id-1")),
        "users.delete" => Err("NotFound"),
        _ => Ok(json!({ "removed": 1, "more": false })),
    });
    let deleted = text(&run_on(&lambda, &["delete", "alice", "--yes"]));
    assert_eq!(deleted, "alice (id-1) is deleted, with 1 row.\n");
    for kind in ["Refused", "Unavailable"] {
        let lambda = Lambda::answering(move |_, event| match event["command"].as_str().unwrap() {
            "users.show" => Ok(user("alice", "id-1")),
            _ => Err(kind),
        });
        let error = failure(&run_on(&lambda, &["delete", "alice", "--yes"]));
        assert_eq!(error.contains("`latchkey users purge id-1`"), kind == "Unavailable", "{error}");
        assert_eq!(commands(&lambda), ["users.show", "users.delete"]);
    }
}

#[test]
fn rows_of_a_user_who_exists_are_not_removed() {
    let lambda = Lambda::answering(|_, event| {
        let (user, next) = match event["after"].as_str() {
            None => (summary("alice", "id-1"), json!("k")),
            Some(_) => (summary("bob", "id-2"), Value::Null),
        };
        Ok(json!({ "users": [user], "next": next }))
    });
    let error = failure(&run_on(&lambda, &["purge", "id-2", "--yes"]));
    assert!(error.starts_with("latchkey: the user \"bob\" has this id"), "{error}");
    assert_eq!(commands(&lambda), ["users.list", "users.list"]);

    let page = json!({ "users": [], "unreadable": ["bob"], "next": null });
    let lambda = Lambda::answering(move |_, _| Ok(page.clone()));
    let error = failure(&run_on(&lambda, &["purge", "id-2", "--yes"]));
    assert!(error.contains("\nlatchkey: the user \"bob\" is unreadable"), "{error}");
    assert_eq!(commands(&lambda), ["users.list"]);

    let lambda = stack();
    assert_eq!(
        text(&run_on(&lambda, &["purge", "gone", "--yes"])),
        "30 rows of gone are removed.\n"
    );
    let json = text(&run_on(&lambda, &["purge", "gone", "--yes", "--json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, json!({ "removed": 30 }));
    assert_eq!(
        lambda.events()[1],
        json!({ "command": "users.purge", "id": "gone", "caller": "operator" })
    );
    assert_eq!(run_on(&lambda, &["purge", "two words", "--yes"]).status.code(), Some(2));
}

/// A stack with 40 users, of whom the first ones get this error.
fn failing(count: usize, kind: &'static str) -> Lambda {
    let users = |from: usize| -> Vec<_> {
        (from..from + 20).map(|number| summary(&format!("u{number:02}"), "id")).collect()
    };
    Lambda::answering(move |_, event| {
        if event["command"] == "users.list" {
            let is_first = event["after"].is_null();
            let next = if is_first { json!("k") } else { Value::Null };
            return Ok(json!({ "users": users(if is_first { 0 } else { 20 }), "next": next }));
        }
        let name = event["username"].as_str().unwrap();
        if name < format!("u{count:02}").as_str() { Err(kind) } else { Ok(user(name, "id")) }
    })
}

#[test]
fn sessions_of_all_users_end_whatever_happens_to_one() {
    let end_all = ["end-sessions", "--all", "--yes", "--restored-from", "backup"];
    let lambda = failing(0, "");
    assert_eq!(text(&run_on(&lambda, &end_all)), "All sessions of 40 users have ended.\n");
    let events = lambda.events();
    assert_eq!(events.len(), 42);
    let expected = json!({
        "command": "users.end-sessions", "username": "u39", "restored_from": "backup",
        "caller": "operator",
    });
    assert_eq!(events[41], expected);
    let json = text(&run_on(&lambda, &[&end_all[..], &["--json"]].concat()));
    let lines = json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.filter(|user| user["has_password"] == true).count(), 40);

    let page = json!({ "users": [], "unreadable": ["bob\u{202e}"], "next": null });
    let lambda = Lambda::answering(move |_, _| Ok(page.clone()));
    let error = failure(&run_on(&lambda, &end_all));
    let expected = "bob\\u202e is left out: the item is unreadable, and the log of admin says why\n\
                    latchkey: 1 of the users may still have their sessions";
    assert!(error.starts_with(expected), "{error}");

    // Deleted meanwhile.
    let gone = run_on(&failing(12, "NotFound"), &end_all);
    assert_eq!(text(&gone), "All sessions of 28 users have ended.\n");
    for (count, calls) in [(9, 42), (10, 11), (40, 11)] {
        let lambda = failing(count, "Unavailable");
        let error = failure(&run_on(&lambda, &end_all));
        assert!(error.starts_with("u00: local-admin: not today; the change"), "{error}");
        assert!(error.contains("users may still have their sessions"), "{error}");
        assert_eq!(lambda.events().len(), calls, "{count}");
    }
}
