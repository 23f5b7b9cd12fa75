//! User commands.

use std::time::Duration;

use latchkey_session::{
    AccountStatus, AddUser as _, AttemptLimit, Charge, CodeHash, LimitKey, ReadUser as _,
    SessionStart, UpdateUser as _, User, Username, charge,
};
use latchkey_store::DynamoLimits;
use latchkey_testkit::{
    cloud::Cloud,
    event::user_command,
    fixtures::{NOW, operation, session, user},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{run, users};

/// Adds alice, who has a password and two sessions.
async fn alice(cloud: &Cloud) -> User {
    let alice = user("Alice");
    let users = users(cloud).await;
    users.add_user(&alice, &operation()).await.unwrap();
    for _ in 0..2 {
        let started = session(&alice, NOW);
        let start = SessionStart { user: &alice, started: &started, password_hash: None };
        users.start_session(&start).await.unwrap();
    }
    cloud.take_operations();
    alice
}

async fn found(cloud: &Cloud) -> User {
    let found = users(cloud).await.find_user(&Username::parse("alice").unwrap()).await;
    cloud.take_operations();
    found.unwrap().unwrap()
}

fn on_alice(command: &str, more: &Value) -> Value {
    user_command("ALICE", command, more)
}

fn code_of(answer: &Value) -> CodeHash {
    let code = answer["code"]["code"].as_str().unwrap();
    assert_eq!(code.len(), 29, "24 symbols in six groups");
    CodeHash::of(&SecretString::from(code)).unwrap()
}

#[tokio::test]
async fn a_shown_user_has_everything_but_hashes() {
    let cloud = Cloud::start().await;
    let alice = alice(&cloud).await;
    let shown = run(&cloud, on_alice("show", &json!({})), NOW).await.unwrap();
    assert_eq!(cloud.take_operations(), ["GetItem"]);
    assert_eq!((&shown["id"], &shown["username"]), (&json!(alice.id), &json!("Alice")));
    assert_eq!((&shown["status"], &shown["has_password"]), (&json!("active"), &json!(true)));
    assert_eq!(shown["live_sessions"].as_array().unwrap().len(), 2);
    assert!(!shown.to_string().contains("argon2"), "{shown}");
    let later = NOW + Duration::from_hours(24 * 91);
    let shown = run(&cloud, on_alice("show", &json!({})), later).await.unwrap();
    assert_eq!(shown["live_sessions"], json!([]), "expired sessions are not live");
}

#[tokio::test]
async fn a_created_user_has_a_code_and_no_password() {
    let cloud = Cloud::start().await;
    let create = json!({
        "command": "users.create", "username": "Alice", "email": "alice@example.com",
        "roles": ["editor"],
    });
    let created = run(&cloud, create.clone(), NOW).await.unwrap();
    assert_eq!(cloud.take_operations(), ["PutItem"]);
    let code = code_of(&created);
    assert_eq!(created["code"]["expires_at"], json!(NOW + Duration::from_hours(24)));
    let stored = found(&cloud).await;
    assert!(stored.password_hash.is_none());
    assert!(
        stored.codes.accept(code, NOW)
            && !stored.codes.accept(code, NOW + Duration::from_hours(24))
    );
    assert_eq!((stored.roles, stored.credentials_version), (vec!["editor".to_owned()], 0));
    let taken = run(&cloud, create, NOW).await.unwrap_err();
    assert_eq!(taken.to_string(), "the user name is taken");
}

#[tokio::test]
async fn each_change_is_one_read_and_one_conditional_write() {
    let cloud = Cloud::start().await;
    alice(&cloud).await;
    for (command, arguments) in [
        ("roles", json!({ "add": ["admin", "editor"], "remove": [] })),
        ("claims", json!({ "set": { "plan": "pro" }, "remove": ["x"] })),
        ("end-sessions", json!({})),
        ("end-sessions", json!({ "restored_from": "backup of 2026-11-28" })),
        ("reset", json!({})),
        ("disable", json!({ "reason": "stolen laptop" })),
        ("enable", json!({})),
    ] {
        run(&cloud, on_alice(command, &arguments), NOW).await.unwrap();
        assert_eq!(cloud.take_operations(), ["GetItem", "UpdateItem"], "{command}");
    }
    for (command, arguments) in [
        ("roles", json!({ "add": ["admin"], "remove": ["unknown"] })),
        ("claims", json!({ "set": { "plan": "pro" } })),
        ("enable", json!({})),
    ] {
        run(&cloud, on_alice(command, &arguments), NOW).await.unwrap();
        assert_eq!(cloud.take_operations(), ["GetItem"], "{command} changes nothing");
    }
    let shown = run(&cloud, on_alice("show", &json!({})), NOW).await.unwrap();
    assert_eq!(shown["roles"], json!(["admin", "editor"]));
    assert_eq!(shown["claims"], json!({ "plan": "pro" }));
    assert_eq!(shown["restored_from"], "backup of 2026-11-28");
    assert_eq!((&shown["status"], &shown["live_sessions"]), (&json!("active"), &json!([])));
}

#[tokio::test]
async fn a_reset_replaces_the_password_by_at_most_three_codes() {
    let cloud = Cloud::start().await;
    alice(&cloud).await;
    let mut codes = Vec::new();
    for minute in 0..4 {
        let now = NOW + Duration::from_mins(minute);
        codes.push(code_of(&run(&cloud, on_alice("reset", &json!({})), now).await.unwrap()));
    }
    let stored = found(&cloud).await;
    assert!(stored.password_hash.is_none() && stored.sessions.is_empty());
    let later = NOW + Duration::from_mins(4);
    let accepted: Vec<_> = codes.iter().map(|code| stored.codes.accept(*code, later)).collect();
    assert_eq!(accepted, [false, true, true, true]);
    run(&cloud, on_alice("disable", &json!({ "reason": "x" })), NOW).await.unwrap();
    let refused = run(&cloud, on_alice("reset", &json!({})), NOW).await.unwrap_err();
    assert_eq!(refused.to_string(), "the account is disabled: enable it first");
    assert_eq!(found(&cloud).await.codes.iter().count(), 0);
}

#[tokio::test]
async fn unlocking_empties_the_buckets_of_the_account() {
    let cloud = Cloud::start().await;
    let alice = alice(&cloud).await;
    let limits = DynamoLimits::connect(&cloud.aws, "LimitsTable".to_owned()).await;
    let home = found(&cloud).await.sessions.values().next().unwrap().client.address.clone();
    let keys = [
        LimitKey::account(&alice.username),
        LimitKey::account_at(&alice.username, &home),
        LimitKey::login("192.0.2.9"),
        LimitKey::signup("192.0.2.9"),
        LimitKey::account(&Username::parse("bob").unwrap()),
    ];
    let limit: AttemptLimit = "1/3600".parse().unwrap();
    let is_allowed =
        async |key: &LimitKey| charge(&limits, key, limit, NOW).await.unwrap() == Charge::Allowed;
    for key in &keys {
        assert!(is_allowed(key).await && !is_allowed(key).await);
    }
    run(&cloud, on_alice("unlock", &json!({})), NOW).await.unwrap();
    let allowed =
        [is_allowed(&keys[0]).await, is_allowed(&keys[1]).await, is_allowed(&keys[2]).await];
    assert_eq!(allowed, [true, true, false]);
    run(&cloud, on_alice("unlock", &json!({ "address": "192.0.2.9" })), NOW).await.unwrap();
    assert!(is_allowed(&keys[2]).await && is_allowed(&keys[3]).await);
    assert!(!is_allowed(&keys[4]).await, "other accounts stay limited");
}

#[tokio::test]
async fn only_the_account_that_the_operator_saw_is_deleted() {
    let cloud = Cloud::start().await;
    let first = alice(&cloud).await;
    let delete = |id: &Value| on_alice("delete", &json!({ "id": id }));
    let wrong = run(&cloud, delete(&json!("another-id")), NOW).await.unwrap_err();
    assert!(wrong.to_string().contains("another owner"), "{wrong}");
    let answer = run(&cloud, delete(&json!(first.id)), NOW).await.unwrap();
    assert_eq!(answer, json!({ "deleted": first.id }));
    let gone = run(&cloud, delete(&json!(first.id)), NOW).await.unwrap_err();
    assert_eq!(gone.to_string(), "there is no user with that name; see `latchkey users list`");
    let second = alice(&cloud).await;
    assert!(run(&cloud, delete(&json!(first.id)), NOW).await.is_err());
    assert_eq!(found(&cloud).await.id, second.id);
}

#[tokio::test]
async fn pages_list_all_users() {
    let cloud = Cloud::start().await;
    let store = users(&cloud).await;
    for number in 0..25 {
        store.add_user(&user(&format!("user-{number:02}")), &operation()).await.unwrap();
    }
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let list = json!({ "command": "users.list", "limit": 10, "after": after });
        let page = run(&cloud, list, NOW).await.unwrap();
        let users = page["users"].as_array().unwrap();
        names.extend(users.iter().map(|user| user["username"].as_str().unwrap().to_owned()));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    names.sort();
    let expected: Vec<_> = (0..25).map(|number| format!("user-{number:02}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn an_argument_that_could_do_harm_is_refused_before_any_write() {
    let cloud = Cloud::start().await;
    alice(&cloud).await;
    let long = "x".repeat(257);
    let many: Vec<_> = (0..300).map(|number| format!("role-{number:08}")).collect();
    for event in [
        on_alice("disable", &json!({})),
        on_alice("disable", &json!({ "reason": "" })),
        on_alice("disable", &json!({ "reason": "   " })),
        on_alice("disable", &json!({ "reason": long })),
        on_alice("disable", &json!({ "reason": "x", "force": true })),
        on_alice("end-sessions", &json!({ "restored_from": long })),
        on_alice("roles", &json!({ "add": [""] })),
        on_alice("roles", &json!({ "add": ["two roles"] })),
        on_alice("roles", &json!({ "add": ["a\u{0}"] })),
        on_alice("roles", &json!({ "add": many })),
        on_alice("roles", &json!({ "add": "admin" })),
        on_alice("claims", &json!({ "set": { "sub": "x" } })),
        on_alice("claims", &json!({ "set": { "x": "y".repeat(4_096) } })),
        on_alice("delete", &json!({})),
        on_alice("delete", &json!({ "id": "" })),
        on_alice("password", &json!({ "password": "x" })),
        json!({ "command": "users.show", "username": "" }),
        json!({ "command": "users.show", "username": "a\u{200b}b" }),
        json!({ "command": "users.create", "username": "bob", "email": "no address" }),
        json!({ "command": "users.create", "username": "bob", "password": "x" }),
        json!({ "command": "users.create", "username": "bob", "roles": ["two roles"] }),
        json!({ "command": "users.list", "limit": 0 }),
        json!({ "command": "users.list", "limit": 1001 }),
        json!({ "command": "users.list", "after": "" }),
        json!({ "command": "users.purge" }),
        json!({ "command": "users.purge", "id": "two words" }),
        json!({ "command": "users." }),
    ] {
        let refused = run(&cloud, event.clone(), NOW).await.unwrap_err();
        let operations = cloud.take_operations();
        assert!(operations.iter().all(|name| name == "GetItem"), "{event}: {operations:?}");
        assert!(!refused.to_string().is_empty());
    }
    assert_eq!(found(&cloud).await.status, AccountStatus::Active);
}
