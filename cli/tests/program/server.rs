//! A fake of an AWS endpoint.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

/// A call: its path, the operation in `x-amz-target`, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) operation: String,
    pub(crate) body: Value,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    /// One header with its line end, or nothing.
    pub(crate) header: &'static str,
    pub(crate) body: String,
}

pub(crate) struct Server {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Server {
    /// Answers each call with `reply`, which is given the earlier calls.
    pub(crate) fn start(reply: impl Fn(&[Call], &Call) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let seen = Arc::clone(&calls);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut seen = seen.lock().unwrap();
                let Some(call) = read(&mut stream) else { continue };
                let Reply { status, header, body } = reply(&seen, &call);
                seen.push(call);
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 {status} x\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.get_mut().write_all(reply.as_bytes()).unwrap();
            }
        });
        Self { url, calls }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Call> {
    let (mut first, mut length, mut operation) = (String::new(), 0, String::new());
    stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "x-amz-target" => operation = value.rsplit('.').next().unwrap().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    Some(Call { path, operation, body: serde_json::from_slice(&body).unwrap() })
}
