//! `latchkey users` with a running stack.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test helpers panic"
)]

use std::process::Output;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    program::{json, run, text},
    stack::{Answer, Settings, Stack, Tokens, claims_of},
};

/// The password that [`Console::use_code`] sets.
pub const NEW_PASSWORD: &str = "another horse battery";

/// A stack with its operator's console, `latchkey users`.
#[derive(Debug)]
pub struct Console(pub Stack);

impl Console {
    /// Starts a stack with cheap hashes.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// Starts a stack with settings and cheap hashes.
    pub fn with(settings: Settings) -> Self {
        Self(settings.cheap_hashes().start())
    }

    /// Runs a command of `latchkey users`.
    pub fn run(&self, arguments: &[&str]) -> Output {
        run(&[&["users"], arguments, &[&format!("--local={}", self.0.aws)]].concat())
    }

    /// Standard output of a command, which must succeed.
    #[track_caller]
    pub fn text(&self, arguments: &[&str]) -> String {
        text(&self.run(arguments))
    }

    /// The JSON of a command, which must succeed.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        json(&self.run(&[arguments, &["--json"]].concat()))
    }

    /// The listed users.
    pub fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let lines = self.text(&[&["list", "--json"], arguments].concat());
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Logs in with a password.
    pub async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.0.post("/login", &json!({ "username": name, "password": password })).await
    }

    /// Sets [`NEW_PASSWORD`] with a one-time code. Returns the status.
    pub async fn use_code(&self, name: &str, code: &str) -> u16 {
        let body = json!({ "username": name, "code": code, "new_password": NEW_PASSWORD });
        self.0.post("/password/reset", &body).await.status
    }

    /// Asserts that a session has ended.
    pub async fn assert_revoked(&self, tokens: &Tokens) {
        let access = self.0.get("/protected", &tokens.access).await;
        assert_eq!((access.status, access.text("error")), (401, "token_revoked"));
        assert_eq!(self.0.refresh(&tokens.refresh).await.status, 401);
    }

    /// Signs a user up who has work items. Returns the id.
    pub async fn sign_up_with_items(&self, name: &str, items: usize) -> String {
        let token = self.0.sign_up_and_log_in(name).await;
        for number in 0..items {
            let item = json!({ "title": format!("item {number}") });
            let added = self.0.send_json((Method::POST, "/workitems"), &token, &item).await;
            assert_eq!(added.status, 201);
        }
        claims_of(&token)["sub"].as_str().unwrap().to_owned()
    }
}
