//! Audit events of the real functions: one line per outcome, at every log level.
#![cfg(test)]

use std::collections::BTreeMap;

use latchkey_http::AuditEvent;
use latchkey_testkit::event::user_command;
use latchkey_tests::{
    keys::Operator,
    stack::{PASSWORD, Settings, Stack, claims_of},
};
use reqwest::Method;
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "another horse battery";
const UNKNOWN: &str = "mallory-who-has-no-account";
const USER_AGENT: &str = "audit-test/1";

/// The fields of the audit events in the log.
fn events(stack: &Stack) -> Vec<Value> {
    let log = stack.log();
    let lines = log.lines().filter_map(|line| line.split_once("| ")).map(|(_, line)| line);
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "audit").collect()
}

async fn send(stack: &Stack, method: Method, path: &str, token: &str, body: &Value) -> Value {
    let request = stack.request(method, path).header("user-agent", USER_AGENT).json(body);
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    stack.send(request).await.body
}

/// Makes each event happen, with and without success.
async fn make_all_events(stack: &Stack) -> String {
    let post = async |path: &str, token: &str, body: Value| {
        send(stack, Method::POST, path, token, &body).await
    };
    let credentials =
        |name: &str, password: &str| json!({ "username": name, "password": password });
    let text = |answer: &Value, member: &str| answer[member].as_str().unwrap().to_owned();

    let user = post("/signup", "", credentials("alice", PASSWORD)).await["user"]["id"].clone();
    post("/signup", "", credentials("alice", PASSWORD)).await;
    post("/login", "", credentials("alice", "wrong password")).await;
    post("/login", "", credentials(UNKNOWN, PASSWORD)).await;
    let tokens = post("/login", "", credentials("alice", PASSWORD)).await;
    let first = text(&tokens, "refresh_token");
    let second = text(&post("/refresh", &first, json!({})).await, "refresh_token");
    post("/refresh", &second, json!({})).await;
    post("/refresh", &first, json!({})).await;
    post("/logout", "", json!({})).await;

    let access = text(&post("/login", "", credentials("alice", PASSWORD)).await, "access_token");
    post("/logout", &access, json!({})).await;
    let access = text(&post("/login", "", credentials("alice", PASSWORD)).await, "access_token");
    let own = format!("/sessions/{}", claims_of(&access)["sid"].as_str().unwrap());
    send(stack, Method::DELETE, "/sessions?keep=current", &access, &json!({})).await;
    send(stack, Method::DELETE, &own, &access, &json!({})).await;
    send(stack, Method::DELETE, "/sessions", &access, &json!({})).await;

    let access = text(&post("/login", "", credentials("alice", PASSWORD)).await, "access_token");
    let change =
        |current: &str| json!({ "current_password": current, "new_password": NEW_PASSWORD });
    post("/password", &access, change("wrong password")).await;
    let access = text(&post("/password", &access, change(PASSWORD)).await, "access_token");
    let password = |password: &str| json!({ "password": password });
    send(stack, Method::DELETE, "/me", &access, &password("wrong password")).await;
    send(stack, Method::DELETE, "/me", &access, &password(NEW_PASSWORD)).await;
    user.as_str().unwrap().to_owned()
}

const CALLER: &str = "operator@laptop";

/// Runs each command that changes something, once with success; some fail before. Returns the id of
/// the account and the codes.
async fn run_all_commands(stack: &Stack) -> (String, Vec<String>) {
    let operator = Operator::of(stack);
    let run = async |mut event: Value| {
        event["caller"] = CALLER.into();
        operator.invoke(&event).await
    };
    let text = |answer: &Value| answer["code"]["code"].as_str().unwrap().to_owned();
    let dave = |command: &str, more: Value| user_command("dave", command, &more);
    run(user_command(UNKNOWN, "disable", &json!({ "reason": "x" }))).await.unwrap_err();
    let created = run(dave("create", json!({}))).await.unwrap();
    run(dave("create", json!({}))).await.unwrap_err();
    let reset =
        |code: &str| json!({ "username": "dave", "code": code, "new_password": NEW_PASSWORD });
    let first = text(&created);
    send(stack, Method::POST, "/password/reset", "", &reset("wrong")).await;
    send(stack, Method::POST, "/password/reset", "", &reset(&first)).await;
    run(dave("roles", json!({ "add": ["admin"] }))).await.unwrap();
    run(dave("claims", json!({ "set": { "plan": "pro" } }))).await.unwrap();
    run(dave("unlock", json!({}))).await.unwrap();
    run(dave("end-sessions", json!({}))).await.unwrap();
    let second = text(&run(dave("reset", json!({}))).await.unwrap());
    run(dave("disable", json!({ "reason": "left the company" }))).await.unwrap();
    run(dave("reset", json!({}))).await.unwrap_err();
    run(dave("enable", json!({}))).await.unwrap();
    run(dave("show", json!({}))).await.unwrap();
    run(json!({ "command": "users.list" })).await.unwrap();
    let id = created["id"].clone();
    run(dave("delete", json!({ "id": id }))).await.unwrap();
    run(json!({ "command": "users.purge", "id": id })).await.unwrap();
    run(json!({ "command": "users.restore", "table": "UsersTable" })).await.unwrap_err();
    run(json!({ "command": "keys.maintain" })).await.unwrap();
    let keys = run(json!({ "command": "keys.rotate", "force": true })).await.unwrap();
    let kid = keys["keys"][0]["kid"].as_str().unwrap().to_owned();
    run(json!({ "command": "keys.retire", "kid": kid })).await.unwrap();
    run(json!({ "command": "keys.retire", "kid": "unknown" })).await.unwrap_err();
    run(json!({ "command": "keys.reset" })).await.unwrap();
    run(json!({ "command": "keys.list" })).await.unwrap();
    stack.wait_for_log(&format!(
        "\"event\":\"key_retirement\",\"outcome\":\"success\",\"key\":\"{kid}\""
    ));
    (id.as_str().unwrap().to_owned(), vec![first, second])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_is_one_event_at_every_log_level_and_none_has_a_secret() {
    for level in ["DEBUG", "INFO", "WARN", "ERROR"] {
        let settings = Settings::default().cheap_hashes().variable("LOG_LEVEL", level);
        let stack = settings
            .variable("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .variable("REFRESH_GRACE", "0")
            .start();
        let user = make_all_events(&stack).await;
        let (dave, codes) = run_all_commands(&stack).await;
        stack.wait_for_log("\"event\":\"account_deletion\",\"outcome\":\"success\"");
        stack.wait_for_log("\"event\":\"key_reset\",\"outcome\":\"success\"");

        let mut counts = BTreeMap::<(String, String, String), usize>::new();
        for event in events(&stack) {
            let field = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            assert_eq!(field("level"), "INFO", "Lambda counts a line without a level as INFO");
            assert!(!field("request_id").is_empty(), "{event}");
            if field("event").starts_with("user_") || field("event").starts_with("key_") {
                assert_eq!(field("claimed_caller"), CALLER, "{event}");
                // No account was found for the other failures.
                let is_found = field("reason").is_empty() || field("event") == "user_reset";
                let is_about_dave = field("event").starts_with("user_") && is_found;
                assert_eq!(field("user_id"), if is_about_dave { &dave } else { "" }, "{event}");
            } else {
                let client = (field("ip"), field("user_agent"));
                assert_eq!(client, ("127.0.0.1".into(), USER_AGENT.into()));
                let anonymous = ["missing_token", "user_exists"]
                    .contains(&field("reason").as_str())
                    || !event.to_string().contains(&user);
                assert!(anonymous || field("user_id") == user, "{event}");
            }
            let key = (field("event"), field("outcome"), field("reason"));
            *counts.entry(key).or_default() += 1;
        }
        let expected = [
            ("account_deletion", "failure", "invalid_credentials", 1),
            ("account_deletion", "success", "", 1),
            ("key_maintenance", "success", "", 1),
            ("key_reset", "success", "", 1),
            ("key_retirement", "failure", "refused", 1),
            ("key_retirement", "success", "", 1),
            ("key_rotation", "success", "", 1),
            ("login", "failure", "invalid_credentials", 2),
            ("login", "success", "", 4),
            ("logout", "failure", "missing_token", 1),
            ("logout", "success", "", 1),
            ("password_change", "failure", "invalid_credentials", 1),
            ("password_change", "success", "", 1),
            ("password_reset", "failure", "invalid_code", 1),
            ("password_reset", "success", "", 1),
            ("refresh", "failure", "refresh_token_reused", 1),
            ("refresh", "success", "", 2),
            ("session_end", "failure", "token_revoked", 1),
            ("session_end", "success", "", 2),
            ("signup", "failure", "user_exists", 1),
            ("signup", "success", "", 1),
            ("user_claims", "success", "", 1),
            ("user_creation", "failure", "refused", 1),
            ("user_creation", "success", "", 1),
            ("user_deletion", "success", "", 1),
            ("user_disabling", "failure", "not_found", 1),
            ("user_disabling", "success", "", 1),
            ("user_enabling", "success", "", 1),
            ("user_purge", "success", "", 1),
            ("user_reset", "failure", "refused", 1),
            ("user_reset", "success", "", 1),
            ("user_restore", "failure", "invalid_request", 1),
            ("user_roles", "success", "", 1),
            ("user_session_end", "success", "", 1),
            ("user_unlock", "success", "", 1),
        ];
        let expected = expected.map(|(event, outcome, reason, count)| {
            ((event.to_owned(), outcome.to_owned(), reason.to_owned()), count)
        });
        assert_eq!(counts, expected.into(), "{level}");
        for (event, _) in AuditEvent::ALL {
            assert!(counts.keys().any(|(name, ..)| name == event.name()), "{event:?}");
        }

        let log = stack.log();
        let secrets = [PASSWORD, NEW_PASSWORD, "wrong password", UNKNOWN, "eyJ"];
        for secret in codes.iter().map(String::as_str).chain(secrets) {
            assert!(!log.contains(secret), "{secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_the_account_and_an_attempt_without_one_names_none() {
    let stack = Settings::default()
        .cheap_hashes()
        .variable("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .variable("LOGIN_LIMIT_ACCOUNT", "2/600")
        .start();
    let user = stack.sign_up("alice").await.body["user"]["id"].clone();
    let guess = |name: &str| json!({ "username": name, "password": "wrong password" });
    for name in ["alice", "alice", "alice", UNKNOWN] {
        stack.post("/login", &guess(name)).await;
    }
    // The last line is that without an account.
    stack.wait_for_log("\"reason\":\"invalid_credentials\",\"ip\"");
    let logins: Vec<_> =
        events(&stack).into_iter().filter(|event| event["event"] == "login").collect();
    let reasons: Vec<_> = logins.iter().map(|event| event["reason"].as_str().unwrap()).collect();
    let wrong = "invalid_credentials";
    assert_eq!(reasons, [wrong, wrong, "rate_limited", wrong]);
    for event in &logins[..3] {
        assert_eq!(event["user_id"], user, "{event}");
    }
    assert_eq!(logins[3].get("user_id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_a_caller_or_with_bad_members_have_events_too() {
    let stack = Settings::default().variable("AWS_LAMBDA_LOG_FORMAT", "JSON").start();
    let operator = Operator::of(&stack);
    let long = "c".repeat(300);
    for (caller, reason) in
        [(json!(null), "x"), (json!(""), "x"), (json!(7), "x"), (json!(long), &"r".repeat(5_000))]
    {
        let more = json!({ "reason": reason, "caller": caller });
        operator.invoke(&user_command("nemo", "disable", &more)).await.unwrap_err();
    }
    operator.invoke(&user_command("nemo", "disable", &json!({}))).await.unwrap_err();
    operator.invoke(&json!({ "command": "keys.maintain" })).await.unwrap();
    stack.wait_for_log("\"event\":\"key_maintenance\"");
    let found: Vec<_> = events(&stack)
        .iter()
        .map(|event| {
            let length = |name: &str| event[name].as_str().unwrap_or_default().len();
            let caller = event["claimed_caller"].as_str().unwrap_or("none").to_owned();
            (caller, event["reason"].clone(), length("comment"))
        })
        .collect();
    let unknown = || "unknown".to_owned();
    assert_eq!(
        found,
        [
            (unknown(), json!("not_found"), 1),
            (unknown(), json!("not_found"), 1),
            (unknown(), json!("not_found"), 1),
            (long[..256].to_owned(), json!("not_found"), 256),
            (unknown(), json!("invalid_request"), 0),
            ("none".to_owned(), json!(null), 0),
        ]
    );
}

#[test]
fn the_operations_page_lists_all_events_with_their_meanings() {
    let page = latchkey_tests::repository::read("docs/operations.md");
    for (event, meaning) in AuditEvent::ALL {
        let row = format!("| `{}` | {} |", event.name(), meaning.trim());
        assert!(page.lines().any(|line| line == row), "{row}");
    }
}
