//! `latchkey users` with unknown users, unreadable items and hostile texts.
#![cfg(test)]

use latchkey_tests::{
    console::Console,
    keys::Operator,
    program::{assert_fails, error},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_unreadable_attributes_can_be_stopped_and_loses_nothing() {
    let console = Console::start();
    console.0.sign_up("alice").await;
    let tokens = console.0.tokens_of("alice").await;
    let claims = json!({ "x": { "S": "y".repeat(5_000) } });
    let update = json!({
        "TableName": "UsersTable", "Key": { "username": { "S": "alice" } },
        "UpdateExpression": "SET #hash = :null, claims = :claims",
        "ExpressionAttributeNames": { "#hash": "hash" },
        "ExpressionAttributeValues": { ":null": { "NULL": true }, ":claims": { "M": claims } },
    });
    let operator = Operator::of(&console.0);
    operator.dynamodb("UpdateItem", &update).await;
    let claims = console.run(&["claims", "alice", "--set", "plan=1"]);
    assert_fails(&claims, "the attribute \"claims\" of the account is unreadable");
    console.text(&["roles", "alice", "--add", "editor"]);
    console.text(&["disable", "alice", "--reason", "x"]);
    console.assert_revoked(&tokens).await;
    let item = json!({ "TableName": "UsersTable", "Key": { "username": { "S": "alice" } } });
    let item = operator.dynamodb("GetItem", &item).await;
    assert_eq!(item["Item"]["claims"]["M"]["x"]["S"].as_str().unwrap().len(), 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_unknown_user_says_so() {
    let console = Console::start();
    for arguments in [
        &["show", "nemo"][..],
        &["disable", "nemo", "--reason", "x"],
        &["enable", "nemo"],
        &["roles", "nemo", "--add", "x"],
        &["claims", "nemo", "--set", "x=1"],
        &["unlock", "nemo"],
        &["end-sessions", "nemo"],
        &["reset", "nemo", "--yes"],
        &["delete", "nemo", "--yes"],
    ] {
        assert_fails(&console.run(arguments), "local-admin: there is no user with that name");
    }
    let hostile = console.run(&["show", "-\u{1b}[2J\u{202e}"]);
    assert_fails(&hostile, "username: ");
    assert!(!error(&hostile).contains(['\u{1b}', '\u{202e}']), "{hostile:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_texts_are_escaped() {
    let console = Console::start();
    console.0.sign_up("alice").await;
    let operator = Operator::of(&console.0);
    // As a migration or an older operator may have written them.
    let hostile = "hostile\u{202e}\u{1b}[2J\u{200b}\n";
    let update = json!({
        "TableName": "UsersTable",
        "Key": { "username": { "S": "alice" } },
        "UpdateExpression": "SET reason = :text, claims = :claims, restored = :text",
        "ExpressionAttributeValues": {
            ":text": { "S": hostile },
            ":claims": { "M": { "x": { "S": hostile } } },
        },
    });
    operator.dynamodb("UpdateItem", &update).await;
    let is_hidden = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
    for (options, count) in [(&[][..], 3), (&["--json"], 3)] {
        let shown = console.text(&[&["show", "alice"], options].concat());
        assert!(!shown.contains(is_hidden), "{shown:?}");
        assert!(!shown.contains("\u{200b}\n"), "{shown:?}");
        assert_eq!(shown.matches("hostile\\u202e\\u001b[2J").count(), count, "{shown}");
    }
    assert_eq!(console.json(&["show", "alice"])["restored_from"], hostile);
}
