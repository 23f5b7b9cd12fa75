//! Operator access to a running stack: its `admin` function, its key ring and its tables.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test helpers panic"
)]

use std::fs;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_keys::{KeyCommand, KeyReport, KeyState};
use local::tables::{self, http_client};
use serde_json::{Value, json};

use crate::{
    process::wait_for_end,
    stack::{Settings, Stack, signal_to},
};

/// The name of the key ring's table.
pub const TABLE: &str = "KeysTable";

const FUNCTION: &str = "local-admin";

/// Settings with `KEYS_MAX_AGE` in seconds and cheap hashes.
pub fn settings(max_age: &str) -> Settings {
    Settings::default().variable("KEYS_MAX_AGE", max_age).cheap_hashes()
}

/// An operator of a stack.
#[derive(Clone, Debug)]
pub struct Operator {
    aws: String,
    dynamodb: String,
    client: reqwest::Client,
}

/// The `kid` of the key in a state.
pub fn kid_in(report: &KeyReport, state: KeyState) -> &str {
    report.keys.kid(state).unwrap()
}

/// Every `kid`: current, next, previous.
pub fn kids(report: &KeyReport) -> Vec<&str> {
    report.keys.keys.iter().map(|key| key.jwk.kid.as_str()).collect()
}

impl Operator {
    /// The operator of a stack.
    pub fn of(stack: &Stack) -> Self {
        let (aws, dynamodb) = (stack.aws.clone(), stack.dynamodb.clone());
        Self { aws, dynamodb, client: http_client().unwrap() }
    }

    /// Invokes the `admin` function.
    ///
    /// # Errors
    /// The error report of the function or of Lambda: `errorType` and `errorMessage`.
    pub async fn invoke(&self, event: &Value) -> Result<Value, Value> {
        let url = format!("{}/2015-03-31/functions/{FUNCTION}/invocations", self.aws);
        let answer = self.client.post(url).json(event).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let has_failed = answer.headers().contains_key("x-amz-function-error");
        let payload = answer.json().await.unwrap();
        if has_failed { Err(payload) } else { Ok(payload) }
    }

    /// Runs a key command and returns the keys after it.
    ///
    /// # Errors
    /// As [`Operator::invoke`].
    pub async fn run(&self, command: &KeyCommand) -> Result<KeyReport, Value> {
        let answer = self.invoke(&json!(command)).await?;
        Ok(serde_json::from_value(answer).unwrap())
    }

    /// Lists the keys.
    pub async fn list(&self) -> KeyReport {
        self.run(&KeyCommand::List {}).await.unwrap()
    }

    /// Makes the next key sign at once.
    ///
    /// # Errors
    /// As [`Operator::invoke`].
    pub async fn force_rotation(&self) -> Result<KeyReport, Value> {
        self.run(&KeyCommand::Rotate { force: true }).await
    }

    /// Retires a key.
    ///
    /// # Errors
    /// As [`Operator::invoke`].
    pub async fn retire(&self, kid: &str) -> Result<KeyReport, Value> {
        self.run(&KeyCommand::Retire { kid: kid.to_owned() }).await
    }

    /// The ring's item in DynamoDB JSON; `null` without a ring.
    pub async fn item(&self) -> Value {
        let key = json!({ "id": { "S": "ring" } });
        let request = json!({ "TableName": TABLE, "Key": key, "ConsistentRead": true });
        self.dynamodb("GetItem", &request).await["Item"].take()
    }

    /// Replaces the ring's item; `null` deletes it.
    pub async fn put_item(&self, item: &Value) {
        if item.is_null() {
            let key = json!({ "id": { "S": "ring" } });
            self.dynamodb("DeleteItem", &json!({ "TableName": TABLE, "Key": key })).await;
        } else {
            self.dynamodb("PutItem", &json!({ "TableName": TABLE, "Item": item })).await;
        }
    }

    /// Copies the users table as it is, as a restore to a point in time does.
    pub async fn copy_users(&self, copy: &str) {
        let table = json!({
            "TableName": copy, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "username", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "username", "KeyType": "HASH" }],
        });
        self.dynamodb("CreateTable", &table).await;
        let users = self.dynamodb("Scan", &json!({ "TableName": "UsersTable" })).await;
        for item in users["Items"].as_array().unwrap() {
            self.dynamodb("PutItem", &json!({ "TableName": copy, "Item": item })).await;
        }
    }

    /// Calls DynamoDB and returns the answer.
    pub async fn dynamodb(&self, operation: &str, request: &Value) -> Value {
        let (status, answer) = tables::call(&self.dynamodb, operation, request).await.unwrap();
        assert!(status.is_success(), "{operation}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }
}

/// The header of a token, unverified.
pub fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// The `kid` of a token, unverified.
pub fn kid_of(token: &str) -> String {
    header_of(token)["kid"].as_str().unwrap().to_owned()
}

/// The running processes of a function, by the name of its binary.
pub fn processes_of(stack: &Stack, binary: &str) -> Vec<u32> {
    let runs_binary = |process: &u32| {
        let name = fs::read_to_string(format!("/proc/{process}/comm"));
        name.is_ok_and(|name| name.trim_end() == binary)
    };
    stack.functions().into_iter().filter(runs_binary).collect()
}

/// Kills the processes of these functions, so that the next requests get cold ones. Returns the number
/// of killed processes.
pub async fn kill(stack: &Stack, binaries: &[&str]) -> usize {
    let processes: Vec<_> =
        binaries.iter().flat_map(|binary| processes_of(stack, binary)).collect();
    for process in &processes {
        signal_to(*process, "KILL");
    }
    wait_for_end(&processes).await;
    processes.len()
}
