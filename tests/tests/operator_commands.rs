//! The commands about accounts in `docs/operations.md`, run against a stack's table.
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

/// The `update-item` command below a heading of the page.
fn command(heading: &str) -> String {
    let page = read("docs/operations.md");
    let section = page.split(&format!("\n### {heading}\n")).nth(1).expect(heading);
    let section = section.split("\n##").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mut updates = blocks.filter(|block| block.starts_with("aws dynamodb update-item "));
    updates.next().expect("a command").to_owned()
}

/// The request that a shell makes of a command, as the AWS CLI would send it.
fn request(command: &str) -> Value {
    let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let said = Command::new("bash")
        .args(["-eu", "-c", &script])
        .envs([("USERS", "UsersTable"), ("NAME", "alice"), ("HASH", HASH)])
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    let words = String::from_utf8(said.stdout).unwrap();
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

struct Scene {
    stack: Stack,
    endpoint: String,
    tokens: Tokens,
}

impl Scene {
    /// Alice, who has logged in.
    async fn start() -> Self {
        let endpoint = dynamodb().await;
        let settings = Settings::default().option("--dynamodb-endpoint", &endpoint);
        let stack = tokio::task::block_in_place(|| settings.start());
        assert_eq!(stack.sign_up("alice").await.status, 201);
        let tokens = stack.tokens_of("alice").await;
        Self { stack, endpoint, tokens }
    }

    /// Runs a command; whether its condition held.
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

    /// Nothing of the session that there was before works.
    async fn session_is_over(&self) {
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
async fn disabling_ends_every_session_and_enabling_revives_none() {
    let scene = Scene::start().await;
    assert!(!scene.run("Enable an account").await, "it is not disabled");
    assert_eq!(scene.stack.get("/protected", &scene.tokens.access).await.status, 200);

    assert!(scene.run("Disable an account").await);
    scene.session_is_over().await;
    assert_eq!(scene.log_in(PASSWORD).await.text("error"), "account_disabled");
    assert_eq!(scene.log_in("another password").await.text("error"), "invalid_credentials");

    assert!(scene.run("Enable an account").await);
    scene.session_is_over().await;
    let tokens = Tokens::of(&scene.log_in(PASSWORD).await);
    assert_eq!(scene.stack.get("/protected", &tokens.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_password_ends_every_session_and_works() {
    let scene = Scene::start().await;
    assert!(scene.run("Reset a password").await);
    scene.session_is_over().await;
    assert_eq!(scene.log_in(PASSWORD).await.text("error"), "invalid_credentials");
    let tokens = Tokens::of(&scene.log_in("x").await);
    assert_eq!(scene.stack.get("/protected", &tokens.access).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_all_sessions_leaves_the_password() {
    let scene = Scene::start().await;
    assert!(scene.run("End all sessions of an account").await);
    scene.session_is_over().await;
    assert_eq!(scene.log_in(PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_makes_an_account_or_forgets_the_version() {
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
