//! `latchkey users` with a running stack and the real `admin` function.
#![cfg(test)]

use latchkey_tests::{
    console::{Console, NEW_PASSWORD},
    keys::{Operator, kill},
    program::{assert_fails, error, json, text},
    stack::{PASSWORD, Settings, claims_of},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_created_user_sets_a_password_with_the_code() {
    let console = Console::start();
    let create = ["create", "Bob", "--email", "bob@example.com", "--role", "editor"];
    let output = console.run(&create);
    let printed = text(&output);
    let code = printed.trim_end();
    assert_eq!((printed.lines().count(), code.replace('-', "").len()), (1, 24), "{printed}");
    let note = error(&output);
    assert!(note.starts_with("This one-time code of Bob is shown once"), "{note}");
    assert!(!note.contains(code), "only standard output has the code");

    let shown = console.json(&["show", "bob"]);
    assert_eq!(
        (&shown["email"], &shown["has_password"]),
        (&json!("bob@example.com"), &json!(false))
    );
    assert_eq!(shown["codes"].as_array().unwrap().len(), 1);
    assert!(!shown.to_string().contains(code), "the code is shown once");
    assert_eq!(console.log_in("bob", PASSWORD).await.status, 401);
    assert_eq!(console.use_code("bob", code).await, 204);
    let login = console.log_in("bob", NEW_PASSWORD).await;
    assert_eq!(claims_of(login.text("access_token"))["roles"], json!(["editor"]));
    assert_eq!(console.use_code("bob", code).await, 401, "a code works once");

    assert_fails(&console.run(&["create", "BOB"]), "the user name is taken");
    let invalid = console.run(&["create", "a b", "--email", "x"]);
    assert_fails(&invalid, "username: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_user_is_refused_until_enabled_and_gets_no_session_back() {
    let console = Console::start();
    console.0.sign_up("alice").await;
    let tokens = console.0.tokens_of("alice").await;
    let shown = console.text(&["disable", "alice", "--reason", "left the company"]);
    assert!(shown.starts_with("alice is disabled: all sessions"), "{shown}");
    assert!(shown.contains("disabled: left the company"), "{shown}");
    console.assert_revoked(&tokens).await;
    assert_eq!(console.log_in("alice", PASSWORD).await.text("error"), "account_disabled");
    assert_eq!(console.list(&["--status", "disabled"]).len(), 1);
    assert_eq!(console.list(&["--status", "active"]).len(), 0);

    let shown = console.text(&["enable", "alice"]);
    assert!(shown.starts_with("alice is active and can log in"), "{shown}");
    console.assert_revoked(&tokens).await;
    assert_eq!(console.log_in("alice", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_claims_are_in_the_next_token() {
    let console = Console::start();
    console.0.sign_up("alice").await;
    console.text(&["roles", "alice", "--add", "admin", "--add", "editor"]);
    console.text(&["roles", "alice", "--remove", "editor"]);
    console.text(&["claims", "alice", "--set", "plan=\"pro\"", "--set", "seats=3"]);
    let token = console.0.log_in("alice").await;
    let claims = claims_of(token.text("access_token"));
    let members = (&claims["roles"], &claims["plan"], &claims["seats"]);
    assert_eq!(members, (&json!(["admin"]), &json!("pro"), &json!(3)));
    assert_eq!(console.list(&["--role", "admin"]).len(), 1);
    assert_fails(&console.run(&["claims", "alice", "--set", "sub=\"root\""]), "sub");
    assert_eq!(
        console.json(&["claims", "alice", "--remove", "plan"])["claims"],
        json!({ "seats": 3 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unlock_clears_the_limits_but_not_the_memory_of_a_process() {
    let console = Console::with(Settings::default().variable("LOGIN_LIMIT_ACCOUNT", "2/3600"));
    console.0.sign_up("alice").await;
    let guess = async || console.log_in("alice", "wrong password").await.status;
    for _ in 0..2 {
        assert_eq!((guess().await, guess().await), (401, 401));
        let unlocked = console.text(&["unlock", "alice", "--address", "127.0.0.1"]);
        let expected = "The attempt limits of alice and of 127.0.0.1 are cleared.";
        assert!(unlocked.starts_with(expected), "{unlocked}");
    }
    assert_eq!((guess().await, guess().await, guess().await), (401, 401, 429));
    console.text(&["unlock", "alice"]);
    assert_eq!(guess().await, 429, "the process remembers the refusal");
    assert_eq!(kill(&console.0, &["login"]).await, 1);
    assert_eq!(console.log_in("alice", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_one_user_or_of_every_user_are_ended() {
    let console = Console::start();
    for name in ["alice", "bob"] {
        console.0.sign_up(name).await;
    }
    let [alice, bob] = [console.0.tokens_of("alice").await, console.0.tokens_of("bob").await];
    let ended = console.text(&["end-sessions", "alice"]);
    assert!(ended.starts_with("All sessions of alice have ended."), "{ended}");
    console.assert_revoked(&alice).await;
    assert_eq!(console.0.get("/protected", &bob.access).await.status, 200);

    let asks = console.run(&["end-sessions", "--all"]);
    assert_eq!(asks.status.code(), Some(2), "{asks:?}");
    assert_eq!(console.0.get("/protected", &bob.access).await.status, 200);
    let alice = console.0.tokens_of("alice").await;
    let all = ["end-sessions", "--all", "--yes", "--restored-from", "backup of Monday"];
    assert_eq!(console.text(&all), "All sessions of 2 users have ended.\n");
    for tokens in [&alice, &bob] {
        console.assert_revoked(tokens).await;
    }
    assert_eq!(console.json(&["show", "bob"])["restored_from"], "backup of Monday");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_removes_the_password_and_prints_a_code() {
    let console = Console::start();
    console.0.sign_up("alice").await;
    let tokens = console.0.tokens_of("alice").await;
    assert_eq!(console.run(&["reset", "alice"]).status.code(), Some(2), "it asks first");
    assert_eq!(console.0.get("/protected", &tokens.access).await.status, 200);
    let report = console.json(&["reset", "alice", "--yes"]);
    assert_eq!(report["has_password"], false);
    console.assert_revoked(&tokens).await;
    assert_eq!(console.log_in("alice", PASSWORD).await.status, 401);
    let typed = report["code"]["code"].as_str().unwrap().to_lowercase().replace('-', " ");
    assert_eq!(console.use_code("alice", &typed).await, 204);
    assert_eq!(console.log_in("alice", NEW_PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_takes_the_rows_along_or_leaves_them_to_purge() {
    let console = Console::start();
    let alice = console.sign_up_with_items("alice", 3).await;
    let bob = console.sign_up_with_items("bob", 101).await;
    let refused = console.run(&["purge", &alice, "--yes"]);
    assert_fails(&refused, "the user \"alice\" has this id, so nothing was removed");
    assert_eq!(console.run(&["delete", "alice"]).status.code(), Some(2), "it asks first");

    let deleted = console.text(&["delete", "alice", "--yes"]);
    assert_eq!(deleted, format!("alice ({alice}) is deleted, with 3 rows.\n"));
    assert_eq!(
        console.text(&["purge", &alice, "--yes"]),
        format!("0 rows of {alice} are removed.\n")
    );
    let kept = console.json(&["delete", "bob", "--keep-rows", "--yes"]);
    assert_eq!(kept, json!({ "deleted": bob }));
    // More rows than one call removes.
    assert_eq!(console.json(&["purge", &bob, "--yes"])["removed"], 101);
    assert_eq!(console.list(&[]).len(), 0);
    assert_eq!(console.log_in("alice", PASSWORD).await.status, 401);
    assert_eq!(console.text(&["list"]), "no users\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_restored_from_a_copy_of_their_table() {
    let console = Console::start();
    let operator = Operator::of(&console.0);
    for name in ["alice", "bob"] {
        console.0.sign_up(name).await;
    }
    let [alice, bob] = [console.0.tokens_of("alice").await, console.0.tokens_of("bob").await];
    operator.copy_users("local-restored-1").await;
    console.text(&["delete", "bob", "--yes"]);
    console.text(&["roles", "alice", "--add", "admin"]);

    let restore = ["restore", "local-restored-1"];
    assert_eq!(console.run(&restore).status.code(), Some(2), "it asks first");
    let restored = console.text(&[&restore[..], &["--yes"]].concat());
    assert_eq!(restored, "1 added, 0 overwritten, 1 kept.\n");
    console.assert_revoked(&bob).await;
    assert_eq!(console.log_in("bob", PASSWORD).await.status, 200);
    assert_eq!(console.0.get("/protected", &alice.access).await.status, 200);

    console.text(&["delete", "bob", "--yes"]);
    console.0.sign_up("bob").await;
    let kept = console.text(&[&restore[..], &["--yes"]].concat());
    let other_owner = "bob belongs to another account and is kept.\n";
    assert_eq!(kept, format!("0 added, 0 overwritten, 1 kept.\n{other_owner}"));
    let overwrite = [&restore[..], &["--overwrite", "--yes", "--json"]].concat();
    let sum = json(&console.run(&overwrite));
    let expected = json!({
        "added": 0, "overwritten": 1, "kept": 0, "other_owners": ["bob"],
        "unreadable": [],
    });
    assert_eq!(sum, expected);
    console.assert_revoked(&alice).await;
    let shown = console.json(&["show", "alice"]);
    assert_eq!(
        (&shown["roles"], &shown["restored_from"]),
        (&json!([]), &json!("local-restored-1"))
    );

    let missing = "latchkey: local-admin: table: there is no such table\n";
    let output = console.run(&["restore", "local-restored-2", "--yes"]);
    assert_fails(&output, missing.trim_end());
    assert_eq!(error(&output), missing, "nothing may have changed");
    for name in ["UsersTable", "x-restored-/", "x-restored-é", "x-restored- y"] {
        let output = console.run(&["restore", name, "--yes"]);
        assert_fails(&output, "table: must be a table's name with -restored-");
    }
}
