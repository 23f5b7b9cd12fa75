//! A fake of Lambda's `Invoke` with prepared replies.

use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::server::{Reply, Server};

pub(crate) struct Lambda {
    pub(crate) url: String,
    server: Server,
}

impl Lambda {
    /// Sends these replies in order and then repeats the last one.
    pub(crate) fn replying(replies: &[Value]) -> Self {
        Self::start("", replies.iter().map(Value::to_string).collect())
    }

    /// A function that fails with this payload.
    pub(crate) fn failing(payload: &str) -> Self {
        Self::start("x-amz-function-error: Unhandled\r\n", vec![payload.to_owned()])
    }

    /// Answers each event, given the number of earlier ones, or fails with an error's type.
    pub(crate) fn answering(
        answer: impl Fn(usize, &Value) -> Result<Value, &'static str> + Send + 'static,
    ) -> Self {
        let server = Server::start(move |earlier, call| {
            let (header, body) = match answer(earlier.len(), &call.body) {
                Ok(body) => ("", body),
                Err(kind) => (
                    "x-amz-function-error: Unhandled\r\n",
                    json!({ "errorType": kind, "errorMessage": "not today" }),
                ),
            };
            Reply { status: 200, header, body: body.to_string() }
        });
        Self { url: server.url.clone(), server }
    }

    /// Refuses the first event with a status of HTTP, and sends the reply to the others.
    pub(crate) fn refusing_first(status: u16, reply: &Value) -> Self {
        let body = reply.to_string();
        let server = Server::start(move |earlier, _| {
            let status = if earlier.is_empty() { status } else { 200 };
            Reply { status, header: "", body: body.clone() }
        });
        Self { url: server.url.clone(), server }
    }

    fn start(header: &'static str, replies: Vec<String>) -> Self {
        let server = Server::start(move |earlier, _| {
            let body = replies[earlier.len().min(replies.len() - 1)].clone();
            Reply { status: 200, header, body }
        });
        Self { url: server.url.clone(), server }
    }

    /// The `--local` option for this fake.
    pub(crate) fn local(&self) -> String {
        format!("--local={}", self.url)
    }

    /// The payloads of the requests so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.requests().into_iter().map(|(_, event)| event).collect()
    }

    /// The functions and payloads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        let function = |path: &str| path.split('/').nth(3).unwrap_or_default().to_owned();
        self.server.calls().into_iter().map(|call| (function(&call.path), call.body)).collect()
    }
}

/// A key report; `keys` are pairs of id and state, and `since` is a Unix time.
pub(crate) fn report(keys: &[(&str, &str)], since: u64) -> Value {
    let key = |(kid, state): &(&str, &str)| {
        let mut key = json!({
            "kty": "OKP", "crv": "Ed25519", "x": "AA", "alg": "EdDSA", "use": "sig",
            "kid": kid, "state": state, "since": since,
        });
        if *state == "previous" {
            // Half a minute of tolerance until the program reads the clock.
            key["until"] = json!(since + 30 * 86_400 + 30);
        }
        key
    };
    json!({ "keys": keys.iter().map(key).collect::<Vec<_>>(), "max_age": 120 })
}

/// A user in a list.
pub(crate) fn summary(name: &str, id: &str) -> Value {
    json!({
        "id": id, "username": name, "email": null, "roles": ["editor"], "status": "active",
        "created_at": Timestamp::now().unix() - 3 * 86_400 - 10, "sessions": 0,
        "last_used_at": null,
    })
}

/// The answer to a command on one user.
pub(crate) fn user(name: &str, id: &str) -> Value {
    let mut user = summary(name, id);
    let more = json!({
        "claims": {}, "has_password": true, "disabled_reason": null, "restored_from": null,
        "codes": [], "live_sessions": [],
    });
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    user
}
