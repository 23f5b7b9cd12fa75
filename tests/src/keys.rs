//! The operator's side of a running stack: its keys function and its secret, called as on AWS.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test's tools fail the test"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use auth_token::{KeyState, RingReport, SigningRing};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use local::tables::http_client;
use serde_json::{Value, json};

use crate::{
    process::wait_for_end,
    stack::{Settings, Stack, signal_to},
};

/// The private ring's name, which here is its ARN too.
pub const SECRET: &str = "SigningKeysSecret";
/// The public ring's table.
pub const TABLE: &str = "KeysTable";
/// The members that no public key has.
pub const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

const FUNCTION: &str = "local-keys";
const PAUSE: Duration = Duration::from_millis(50);
/// A rotation takes less than a second; one that was cut short waits for as long between its tries.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many looks at a rotation that does not move are enough to ask for it again.
const LOOKS: u32 = 100;

/// Functions that use keys for so many seconds, and hash lightly.
pub fn settings(max_age: &str) -> Settings {
    Settings::default().variable("KEYS_MAX_AGE", max_age).hashing_lightly()
}

/// Who operates a stack.
#[derive(Clone, Debug)]
pub struct Operator {
    aws: String,
    client: reqwest::Client,
}

/// What the keys function lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing(pub RingReport);

impl Listing {
    fn read(answer: Value) -> Self {
        Self(serde_json::from_value(answer).unwrap())
    }

    /// The `kid` of the key in that state: current or next.
    pub fn kid(&self, state: KeyState) -> &str {
        self.0.ring.in_state(state).unwrap().jwk.kid.as_str()
    }

    /// Every `kid`: current, next, previous.
    pub fn kids(&self) -> Vec<&str> {
        self.0.ring.keys.iter().map(|key| key.jwk.kid.as_str()).collect()
    }

    /// Whether the secret's public halves are the published ones.
    pub const fn agrees(&self) -> bool {
        self.0.agree
    }
}

impl Operator {
    /// The operator of that stack.
    pub fn of(stack: &Stack) -> Self {
        Self { aws: stack.aws.clone(), client: http_client().unwrap() }
    }

    /// Invokes the keys function.
    ///
    /// # Errors
    /// What the function, or Lambda in its place, reports of its failure: `errorType` and
    /// `errorMessage`.
    pub async fn invoke(&self, event: &Value) -> Result<Value, Value> {
        let url = format!("{}/2015-03-31/functions/{FUNCTION}/invocations", self.aws);
        let answer = self.client.post(url).json(event).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
        let has_failed = answer.headers().contains_key("x-amz-function-error");
        let payload = answer.json().await.unwrap();
        if has_failed { Err(payload) } else { Ok(payload) }
    }

    /// Lists the keys.
    pub async fn list(&self) -> Listing {
        Listing::read(self.invoke(&json!({ "Operation": "list" })).await.unwrap())
    }

    /// Asks for a rotation, which then runs by itself.
    ///
    /// # Errors
    /// As [`Operator::invoke`].
    pub async fn rotate(&self) -> Result<Value, Value> {
        self.invoke(&json!({ "Operation": "rotate" })).await
    }

    /// Takes a key out of use; lists the others.
    ///
    /// # Errors
    /// As [`Operator::invoke`].
    pub async fn retire(&self, kid: &str) -> Result<Listing, Value> {
        self.invoke(&json!({ "Operation": "retire", "KeyId": kid })).await.map(Listing::read)
    }

    /// Rotates, and waits until another key signs.
    pub async fn rotate_and_wait(&self) -> Listing {
        let before = self.list().await;
        self.rotated_from(before.kid(KeyState::Current)).await
    }

    /// Waits until another key than `current` signs, and asks for a rotation when none is under
    /// way: there may be one that was cut short.
    pub async fn rotated_from(&self, current: &str) -> Listing {
        let (begun, mut looks) = (Instant::now(), 0);
        loop {
            looks += 1;
            // In this order: a rotation that ends in between is seen to have ended.
            let is_rotating = self.is_rotating().await;
            let ring = self.list().await;
            if ring.agrees() && ring.kid(KeyState::Current) != current {
                return ring;
            }
            assert!(begun.elapsed() < PATIENCE, "{current} signs for ever: {ring:?}");
            if !is_rotating || looks % LOOKS == 0 {
                // A refusal says that there is one now; anything else is seen at the next look.
                self.rotate().await.ok();
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether a rotation has begun and not come to its end.
    pub async fn is_rotating(&self) -> bool {
        let secret = self.call("DescribeSecret", json!({})).await;
        let versions = secret["VersionIdsToStages"].as_object().unwrap();
        versions.values().any(|stages| {
            let is_in = |stage: &str| stages.as_array().unwrap().contains(&json!(stage));
            is_in("AWSPENDING") && !is_in("AWSCURRENT")
        })
    }

    /// Calls Secrets Manager about the ring's secret.
    pub async fn call(&self, operation: &str, mut members: Value) -> Value {
        members["SecretId"] = SECRET.into();
        let request = self.client.post(format!("{}/", self.aws));
        let request = request.header("x-amz-target", format!("secretsmanager.{operation}"));
        let answer = request.json(&members).send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        body
    }

    /// The private ring that signs.
    pub async fn ring(&self) -> String {
        let secret = self.call("GetSecretValue", json!({})).await;
        secret["SecretString"].as_str().unwrap().to_owned()
    }

    /// Overwrites the private ring that signs.
    pub async fn put_ring(&self, text: &str) {
        let version = new_version();
        let stages = ["AWSCURRENT"];
        let members = json!({
            "ClientRequestToken": version, "SecretString": text, "VersionStages": stages,
        });
        self.call("PutSecretValue", members).await;
    }
}

/// A name for a version, as long as AWS wants them.
pub fn new_version() -> String {
    SigningRing::new_version().unwrap()
}

/// A ring without its private halves.
pub fn public_halves(ring: &str) -> Value {
    let mut ring: Value = serde_json::from_str(ring).unwrap();
    for key in ring["keys"].as_array_mut().unwrap() {
        let members = key.as_object_mut().unwrap();
        members.retain(|name, _| !PRIVATE_MEMBERS.contains(&name.as_str()));
    }
    ring["keys"].take()
}

/// The header of a token, unverified.
pub fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// The key that a token says it was signed with.
pub fn kid_of(token: &str) -> String {
    header_of(token)["kid"].as_str().unwrap().to_owned()
}

/// The processes of one function that run now, by the name of its binary.
pub fn processes_of(stack: &Stack, binary: &str) -> Vec<u32> {
    let is_its = |process: &u32| {
        let name = fs::read_to_string(format!("/proc/{process}/comm"));
        name.is_ok_and(|name| name.trim_end() == binary)
    };
    stack.functions().into_iter().filter(is_its).collect()
}

/// Kills the processes of these functions, so that the next requests meet ones that have seen
/// nothing. Returns how many there were.
pub async fn kill(stack: &Stack, binaries: &[&str]) -> usize {
    let processes: Vec<_> =
        binaries.iter().flat_map(|binary| processes_of(stack, binary)).collect();
    for process in &processes {
        signal_to(*process, "KILL");
    }
    wait_for_end(&processes).await;
    processes.len()
}
