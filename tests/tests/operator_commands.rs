//! Runs the account commands of `docs/operations.md` against the table of a stack.
#![cfg(test)]

use std::process::Command;

use latchkey_testkit::dynamodb;
use latchkey_tests::{
    repository::read,
    stack::{Answer, PASSWORD, Settings, Stack, Tokens},
};
use local::tables;
use serde_json::{Map, Value, json};

/// The Argon2id hash of `x`.
const HASH: &str = "$argon2id$v=19$m=65536,t=3,p=4$RSr2N+caKv2I09ZjI4Ae+Q$wElVi1t5nJpnwXhlXdPDpIWvQ/d6ZMqsM0iLmPosULU";

/// The `update-item` command in a section of the page.
fn command(heading: &str) -> String {
    let page = read("docs/operations.md");
    let section = page.split(&format!("\n### {heading}\n")).nth(1).expect(heading);
    let section = section.split("\n##").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut updates = blocks.filter(|block| block.starts_with("aws dynamodb update-item "));
    updates.next().expect("a command").to_owned()
}

/// The request that the AWS CLI would send for a command.
fn request(command: &str) -> Value {
    let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let output = Command::new("bash")
        .args(["-eu", "-c", &script])
        .envs([("USERS", "UsersTable"), ("NAME", "alice"), ("HASH", HASH)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8(output.stdout).unwrap();
    let words: Vec<_> = words.trim_end_matches('\0').split('\0').collect();
    assert_eq!(words[..2], ["dynamodb", "update-item"]);
    let members = words[2..].chunks(2).map(|pair| {
        let [option, value] = pair else { panic!("{pair:?}") };
        let name: String = option.trim_start_matches("--").split('-').map(capitalized).collect();
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        (name, value)
    });
    Value::Object(members.collect::<Map<_, _>>())
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// A stack with a logged-in user.
struct AccountStack {
    stack: Stack,
    endpoint: String,
    tokens: Tokens,
}

impl AccountStack {
    /// Starts a stack; Alice signs up and logs in.
    async fn start() -> Self {
        let endpoint = dynamodb().await;
        let settings = Settings::default().option("--dynamodb-endpoint", &endpoint);
        let stack = tokio::task::block_in_place(|| settings.start());
        assert_eq!(stack.sign_up("alice").await.status, 201);
        let tokens = stack.tokens_of("alice").await;
        Self { stack, endpoint, tokens }
    }

    /// Runs a command. Returns whether its condition was met.
    async fn run(&self, heading: &str) -> bool {
        let request = request(&command(heading));
        let (status, answer) = tables::call(&self.endpoint, "UpdateItem", &request).await.unwrap();
        let failed = answer.contains("ConditionalCheckFailedException");
        assert!(status.is_success() || failed, "{heading}: {answer}");
        status.is_success()
    }

    async fn log_in(&self, password: &str) -> Answer {
        self.stack.post("/login", &json!({ "username": "alice", "password": password })).await
    }

    /// The initial session is revoked on every kind of route.
    async fn assert_session_ended(&self) {
        let Tokens { access, refresh } = &self.tokens;
        for path in ["/protected", "/me"] {
            let answer = self.stack.get(path, access).await;
            assert_eq!((answer.status, answer.text("error")), (401, "token_revoked"), "{path}");
        }
        assert_eq!(self.stack.get("/workitems", access).await.status, 403);
        let answer = self.stack.refresh(refresh).await;
        assert_eq!((answer.status, answer.text("error")), (401, "token_revoked"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_ends_all_sessions_and_enabling_revives_none() {
    let account = AccountStack::start().await;
    assert!(!account.run("Enable an account").await, "not disabled");
    assert_eq!(account.stack.get("/protected", &account.tokens.access).await.status, 200);

    assert!(account.run("Disable an account").await);
    account.assert_session_ended().await;
    assert_eq!(account.log_in(PASSWORD).await.text("error"), "account_disabled");
    assert_eq!(account.log_in("another password").await.text("error"), "invalid_credentials");

    assert!(account.run("Enable an account").await);
    account.assert_session_ended().await;
    let tokens = Tokens::of(&account.log_in(PASSWORD).await);
    assert_eq!(account.stack.get("/protected", &tokens.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_reset_ends_all_sessions_and_the_new_password_works() {
    let account = AccountStack::start().await;
    assert!(account.run("Reset a password").await);
    account.assert_session_ended().await;
    assert_eq!(account.log_in(PASSWORD).await.text("error"), "invalid_credentials");
    let tokens = Tokens::of(&account.log_in("x").await);
    assert_eq!(account.stack.get("/protected", &tokens.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_all_sessions_keeps_the_password() {
    let account = AccountStack::start().await;
    assert!(account.run("End all sessions of an account").await);
    account.assert_session_ended().await;
    assert_eq!(account.log_in(PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_create_no_account_and_change_the_version() {
    let endpoint = dynamodb().await;
    for heading in [
        "Disable an account",
        "Enable an account",
        "Reset a password",
        "End all sessions of an account",
    ] {
        let request = request(&command(heading));
        let (status, answer) = tables::call(&endpoint, "UpdateItem", &request).await.unwrap();
        assert_eq!(status, 400, "{heading}: {answer}");
        assert!(answer.contains("ConditionalCheckFailedException"), "{heading}: {answer}");
        let update = request["UpdateExpression"].as_str().unwrap();
        for part in ["#version = #version + :one", "#sessions = :none"] {
            assert!(update.contains(part), "{heading}: {update}");
        }
    }
}
