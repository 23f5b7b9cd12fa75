//! A fake of Lambda's `Invoke` with prepared replies.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

pub(crate) struct Lambda {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Lambda {
    /// Sends these replies in order and then repeats the last one.
    pub(crate) fn replying(replies: &[Value]) -> Self {
        let replies = replies.iter().map(|reply| ("", reply.to_string())).collect();
        Self::start(replies)
    }

    /// A function that fails with this payload.
    pub(crate) fn failing(payload: &str) -> Self {
        Self::start(vec![("x-amz-function-error: Unhandled\r\n", payload.to_owned())])
    }

    fn start(replies: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut seen = seen.lock().unwrap();
                let Some(request) = read(&mut stream) else { continue };
                let (headers, body) = &replies[seen.len().min(replies.len() - 1)];
                seen.push(request);
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.get_mut().write_all(reply.as_bytes()).unwrap();
            }
        });
        Self { url, requests }
    }

    /// The `--local` option for this fake.
    pub(crate) fn local(&self) -> String {
        format!("--local={}", self.url)
    }

    /// The functions and payloads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a request: the invoked function and the payload.
fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let function = first.split('/').nth(3).unwrap_or_default().to_owned();
    Some((function, serde_json::from_slice(&body).unwrap()))
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
