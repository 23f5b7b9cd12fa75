//! The users table restored from a backup, as `docs/administration.md` describes it.
#![cfg(test)]

use latchkey_tests::{
    keys::Operator,
    stack::{PASSWORD, Settings, Stack, Tokens},
};
use reqwest::Method;
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "another horse battery";
const COPY: &str = "local-restored-1";

/// Restores all pages. Returns the sums of `added`, `overwritten` and `kept`, and the other owners.
async fn restore(operator: &Operator, overwrite: bool) -> ([u64; 3], Vec<String>) {
    let (mut sums, mut others, mut after) = ([0; 3], Vec::new(), Value::Null);
    loop {
        let command = json!({
            "command": "users.restore", "table": COPY, "overwrite": overwrite, "after": after,
            "caller": "operator",
        });
        let page = operator.invoke(&command).await.unwrap();
        for (sum, member) in sums.iter_mut().zip(["added", "overwritten", "kept"]) {
            *sum += page[member].as_u64().unwrap();
        }
        let names = page["other_owners"].as_array().unwrap().iter();
        others.extend(names.map(|name| name.as_str().unwrap().to_owned()));
        after = page["next"].clone();
        if after.is_null() {
            return (sums, others);
        }
    }
}

async fn assert_dead(stack: &Stack, tokens: &Tokens) {
    let access = stack.get("/protected", &tokens.access).await;
    assert_eq!((access.status, access.text("error")), (401, "token_revoked"));
    assert_eq!(stack.refresh(&tokens.refresh).await.status, 401);
}

async fn log_in(stack: &Stack, name: &str, password: &str) -> u16 {
    stack.post("/login", &json!({ "username": name, "password": password })).await.status
}

async fn delete(stack: &Stack, tokens: &Tokens) {
    let body = json!({ "password": PASSWORD });
    let answer = stack.send_json((Method::DELETE, "/me"), &tokens.access, &body).await;
    assert_eq!(answer.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_ends_every_session_and_marks_what_it_restored() {
    let stack = Settings::default().cheap_hashes().start();
    let operator = Operator::of(&stack);
    let show = async |name: &str| {
        operator.invoke(&json!({ "command": "users.show", "username": name })).await.unwrap()
    };
    for name in ["alice", "bob", "carol", "erin"] {
        stack.sign_up(name).await;
    }
    // More than a page of users.
    for number in 0..60 {
        let create = json!({ "command": "users.create", "username": format!("user{number}") });
        operator.invoke(&create).await.unwrap();
    }
    let [alice, bob, carol, erin] = [
        stack.tokens_of("alice").await,
        stack.tokens_of("bob").await,
        stack.tokens_of("carol").await,
        stack.tokens_of("erin").await,
    ];
    let role = json!({ "command": "users.roles", "username": "alice", "add": ["admin"] });
    operator.invoke(&role).await.unwrap();
    operator.copy_users(COPY).await;

    // After the backup: alice changes her password and loses a role, bob is deleted, and another
    // person takes the name of erin.
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let changed = stack.send_json((Method::POST, "/password"), &alice.access, &change).await;
    let changed = Tokens::of(&changed);
    let role = json!({ "command": "users.roles", "username": "alice", "remove": ["admin"] });
    operator.invoke(&role).await.unwrap();
    delete(&stack, &bob).await;
    delete(&stack, &erin).await;
    stack.sign_up("erin").await;
    let second_erin = stack.tokens_of("erin").await;

    let (sums, others) = restore(&operator, false).await;
    assert_eq!((sums, others), ([1, 0, 62], vec!["erin".to_owned()]), "only bob was missing");
    assert_dead(&stack, &bob).await;
    assert_eq!(log_in(&stack, "bob", PASSWORD).await, 200, "the password is revived");
    let shown = show("bob").await;
    assert_eq!(shown["restored_from"], COPY);
    let id = shown["id"].as_str().unwrap();
    stack.wait_for_log(&format!(
        r#"event="user_restore" outcome="success" user_id="{id}" comment="{COPY}""#
    ));
    let events = stack.log().matches(r#"event="user_restore" outcome="success" user_id="#).count();
    assert_eq!(events, 1, "one account came back");
    assert_eq!(show("alice").await["restored_from"], Value::Null);
    assert_eq!(stack.get("/protected", &changed.access).await.status, 200, "alice is untouched");

    let (sums, others) = restore(&operator, true).await;
    assert_eq!((sums, others), ([0, 63, 0], vec!["erin".to_owned()]));
    for tokens in [&alice, &changed, &bob, &carol, &erin] {
        assert_dead(&stack, tokens).await;
    }
    assert_eq!(log_in(&stack, "alice", NEW_PASSWORD).await, 401);
    assert_eq!(log_in(&stack, "alice", PASSWORD).await, 200, "the old password is revived");
    let shown = show("alice").await;
    assert_eq!((&shown["roles"], &shown["restored_from"]), (&json!(["admin"]), &json!(COPY)));
    assert_eq!(show("user7").await["codes"], json!([]), "codes of the backup are not revived");
    assert_eq!(stack.get("/protected", &second_erin.access).await.status, 200);
    // A token from before the backup stays dead after a new login.
    assert_dead(&stack, &alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_restored_copy_is_read() {
    let stack = Settings::default().cheap_hashes().start();
    let operator = Operator::of(&stack);
    for table in ["UsersTable", "", "local-restored-none"] {
        let command = json!({ "command": "users.restore", "table": table });
        assert_eq!(operator.invoke(&command).await.unwrap_err()["errorType"], "Request", "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_item_is_named_and_stops_no_other() {
    let stack = Settings::default().cheap_hashes().start();
    let operator = Operator::of(&stack);
    for name in ["alice", "bob", "carol"] {
        stack.sign_up(name).await;
    }
    operator.copy_users(COPY).await;
    for (table, username) in [(COPY, "alice"), ("UsersTable", "bob")] {
        let damage = json!({
            "TableName": table, "Key": { "username": { "S": username } },
            "UpdateExpression": "SET version = :text",
            "ExpressionAttributeValues": { ":text": { "S": "x" } },
        });
        operator.dynamodb("UpdateItem", &damage).await;
    }
    let list = operator.invoke(&json!({ "command": "users.list" })).await.unwrap();
    assert_eq!(list["users"].as_array().unwrap().len(), 2);
    assert_eq!(list["unreadable"], json!(["bob"]));
    let restore = json!({ "command": "users.restore", "table": COPY, "overwrite": true });
    let restored = operator.invoke(&restore).await.unwrap();
    let expected = json!({
        "added": 0, "overwritten": 1, "kept": 0, "other_owners": [],
        "unreadable": ["alice", "bob"],
    });
    assert_eq!(restored, expected);
}
