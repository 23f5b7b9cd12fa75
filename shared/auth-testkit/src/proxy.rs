//! A proxy between functions and their DynamoDB: it counts calls and what they cost, and makes
//! them fail.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use http_body::Frame;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Longer than any function waits.
const FOR_EVER: Duration = Duration::from_mins(1);

/// One call that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// Whether it asked for a consistent read.
    pub is_consistent: bool,
    /// The capacity units that it consumed, as the engine reports them.
    pub units: f64,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// DynamoDB refuses it with this error code.
    Error(&'static str),
    /// Nothing happens and no answer comes.
    Hang,
    /// It never arrives: the connection breaks.
    DropRequest,
    /// It is carried out and the answer is lost: the connection breaks.
    DropReply,
}

#[derive(Debug, Default)]
struct Plan {
    calls: Vec<Call>,
    /// The faults that the next calls of an operation meet.
    faults: HashMap<&'static str, Vec<Fault>>,
}

#[derive(Clone, Debug)]
struct Upstream {
    endpoint: String,
    client: reqwest::Client,
    plan: Arc<Mutex<Plan>>,
}

/// A running proxy.
#[derive(Debug)]
pub struct DynamoProxy {
    /// Where functions reach it.
    pub endpoint: String,
    plan: Arc<Mutex<Plan>>,
}

impl DynamoProxy {
    /// Starts a proxy in front of the DynamoDB at `endpoint`.
    pub async fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::<Mutex<Plan>>::default();
        let upstream = Upstream {
            endpoint: endpoint.to_owned(),
            client: reqwest::Client::new(),
            plan: Arc::clone(&plan),
        };
        let router = Router::new().fallback(forward).with_state(upstream);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint: format!("http://{address}"), plan }
    }

    /// Lets the next `times` calls of `operation` meet `fault`.
    pub fn inject(&self, operation: &'static str, fault: Fault, times: usize) {
        let mut plan = self.plan.lock().unwrap();
        plan.faults.entry(operation).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// Forgets the faults that no call has met yet.
    pub fn heal(&self) {
        self.plan.lock().unwrap().faults.clear();
    }

    /// The calls since the last time this was asked, those that met a fault included.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.plan.lock().unwrap().calls)
    }
}

async fn forward(State(upstream): State<Upstream>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.split('.').nth(1)).unwrap_or_default();
    let fault = upstream.next_fault(operation);
    match fault {
        Some(Fault::Error(code)) => {
            upstream.record(operation, &body, 0.0);
            let error = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}") });
            let is_ours = ["InternalServerError", "ServiceUnavailable"].contains(&code);
            let status =
                if is_ours { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::BAD_REQUEST };
            let content = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
            (status, content, error.to_string()).into_response()
        }
        Some(Fault::Hang) => {
            upstream.record(operation, &body, 0.0);
            tokio::time::sleep(FOR_EVER).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Some(Fault::DropRequest) => {
            upstream.record(operation, &body, 0.0);
            broken()
        }
        Some(Fault::DropReply) => {
            upstream.pass(operation, &headers, &body).await;
            broken()
        }
        None => upstream.pass(operation, &headers, &body).await,
    }
}

/// An answer that breaks off before it has begun, so that the client sees a broken connection.
fn broken() -> Response {
    Response::new(Body::new(BrokenBody))
}

/// A body that fails at once, upon which the server closes the connection.
struct BrokenBody;

impl http_body::Body for BrokenBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

impl Upstream {
    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        let faults = plan.faults.get_mut(operation)?;
        (!faults.is_empty()).then(|| faults.remove(0))
    }

    fn record(&self, operation: &str, body: &[u8], units: f64) {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        self.plan.lock().unwrap().calls.push(Call {
            operation: operation.to_owned(),
            is_consistent: request["ConsistentRead"] == true,
            units,
        });
    }

    async fn pass(&self, operation: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        // The functions do not ask what a call costs; the proxy does.
        let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
        request["ReturnConsumedCapacity"] = "TOTAL".into();
        let mut headers = headers.clone();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::HOST);
        let sent = self.client.post(&self.endpoint).headers(headers).body(request.to_string());
        let answer = sent.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.bytes().await.unwrap();
        let content: Value = serde_json::from_slice(&text).unwrap_or_default();
        let units = content["ConsumedCapacity"]["CapacityUnits"].as_f64().unwrap_or(0.0);
        self.record(operation, body, units);
        let mut response = (status, text).into_response();
        for name in ["content-type", "x-amzn-requestid", "x-amz-crc32"] {
            if let Some(value) = headers.get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}
