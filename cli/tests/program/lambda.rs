//! A fake of Lambda's `Invoke` with prepared replies.

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
