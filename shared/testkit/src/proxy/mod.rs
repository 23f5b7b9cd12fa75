//! A proxy in front of DynamoDB, KMS and Secrets Manager. It records calls with their cost, and
//! injects faults.

mod broken;
mod plan;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};

use broken::broken;
use plan::{Plan, PlannedFault};

/// The duration of [`Fault::Hang`]: longer than the time limit of any function.
const HANG_TIME: Duration = Duration::from_mins(1);

/// How long held calls wait for each other: less than the SDK's attempt timeout.
const MAX_HOLD: Duration = Duration::from_millis(500);

/// A recorded call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// The table name; empty for KMS and Secrets Manager.
    pub table: String,
    /// Whether it requests a consistent read.
    pub is_consistent: bool,
    /// The consumed capacity units that DynamoDB reports.
    pub units: f64,
}

/// A recorded request, for checks of IAM policies.
#[derive(Clone, Debug)]
pub struct AwsRequest {
    /// The access key id of its signature.
    pub caller: String,
    /// The IAM action, such as `dynamodb:GetItem`.
    pub action: String,
    /// The JSON body.
    pub body: Value,
}

/// A fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The response is an error with this code.
    Error(&'static str),
    /// The call is delayed.
    Delay(Duration),
    /// The call gets no response.
    Hang,
    /// The connection breaks before the call has an effect.
    DropRequest,
    /// The connection breaks after the call has had its effect.
    DropReply,
}

#[derive(Clone, Debug)]
struct Upstream {
    endpoint: String,
    /// The endpoint of KMS and Secrets Manager.
    aws_endpoint: String,
    client: reqwest::Client,
    plan: Arc<Mutex<Plan>>,
}

/// A running proxy.
#[derive(Debug)]
pub struct DynamoProxy {
    /// The proxy's URL.
    pub endpoint: String,
    plan: Arc<Mutex<Plan>>,
}

impl DynamoProxy {
    /// Starts a proxy in front of the DynamoDB at the URL `endpoint`.
    pub async fn start(endpoint: &str) -> Self {
        Self::start_with(endpoint, "").await
    }

    /// Starts a proxy in front of a DynamoDB, and of the KMS and Secrets Manager at `aws_endpoint`.
    pub async fn start_with(endpoint: &str, aws_endpoint: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::<Mutex<Plan>>::default();
        let upstream = Upstream {
            endpoint: endpoint.to_owned(),
            aws_endpoint: aws_endpoint.to_owned(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            plan: Arc::clone(&plan),
        };
        let router = Router::new().fallback(forward).with_state(upstream);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint: format!("http://{address}"), plan }
    }

    /// Injects `fault` into the next `times` calls of `operation`.
    pub fn inject(&self, operation: &'static str, fault: Fault, times: usize) {
        let planned = PlannedFault { operation: Some(operation), passing: 0, times, fault };
        self.plan().faults.push(planned);
    }

    /// Injects `fault` into `times` calls of any operation, starting with the `first` one (the next
    /// call is number 1).
    pub fn inject_from(&self, first: usize, fault: Fault, times: usize) {
        let passing = first.saturating_sub(1);
        self.plan().faults.push(PlannedFault { operation: None, passing, times, fault });
    }

    /// Holds the next `count` calls of `operation` until all of them have arrived, or for 500 ms.
    pub fn hold(&self, operation: &'static str, count: usize) {
        self.plan().barriers.entry(operation).or_default().hold(count);
    }

    /// From now on, eventually consistent reads return each item as it was before its last write.
    pub fn serve_stale_reads(&self) {
        self.plan().before = Some(HashMap::new());
    }

    /// Removes all injected faults.
    pub fn heal(&self) {
        self.plan().faults.clear();
    }

    /// Takes the calls since the last take, including those with a fault.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.plan().calls)
    }

    /// Takes the requests since the last take.
    pub fn take_requests(&self) -> Vec<AwsRequest> {
        std::mem::take(&mut self.plan().requests)
    }

    /// As [`DynamoProxy::take_calls`], without reads of the key ring, which are not part of a
    /// request.
    pub fn take_request_calls(&self) -> Vec<Call> {
        self.take_calls().into_iter().filter(|call| call.table != "KeysTable").collect()
    }

    /// The output of `request`, and the calls that it made.
    pub async fn calls_of<T>(&self, request: impl Future<Output = T>) -> (T, Vec<Call>) {
        self.take_calls();
        (request.await, self.take_request_calls())
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }
}

async fn forward(State(upstream): State<Upstream>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.split('.').nth(1)).unwrap_or_default();
    let (fault, barrier) = {
        let mut plan = upstream.plan();
        plan.requests.push(AwsRequest::new(&headers, &body));
        (plan.next_fault(operation), plan.next_barrier(operation))
    };
    if let Some(barrier) = barrier {
        timeout(MAX_HOLD, barrier.wait()).await.ok();
    }
    match fault {
        Some(Fault::Error(code)) => {
            upstream.record(operation, &body, 0.0);
            let error = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}") });
            let is_server_error = ["InternalServerError", "ServiceUnavailable"].contains(&code);
            let status = if is_server_error {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                StatusCode::BAD_REQUEST
            };
            let content = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
            (status, content, error.to_string()).into_response()
        }
        Some(Fault::Delay(delay)) => {
            tokio::time::sleep(delay).await;
            upstream.pass(operation, &headers, &body).await
        }
        Some(Fault::Hang) => {
            upstream.record(operation, &body, 0.0);
            tokio::time::sleep(HANG_TIME).await;
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

impl AwsRequest {
    fn new(headers: &HeaderMap, body: &[u8]) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (service, operation) =
            text("x-amz-target").and_then(|target| target.split_once('.')).unwrap_or_default();
        let service = match service {
            "DynamoDB_20120810" => "dynamodb",
            "TrentService" => "kms",
            other => other,
        };
        let caller = text("authorization")
            .and_then(|signature| signature.split_once("Credential="))
            .and_then(|(_, credential)| credential.split_once('/'));
        Self {
            caller: caller.map_or("", |(caller, _)| caller).to_owned(),
            action: format!("{service}:{operation}"),
            body: serde_json::from_slice(body).unwrap_or_default(),
        }
    }
}

impl Upstream {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }

    fn record(&self, operation: &str, body: &[u8], units: f64) {
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut plan = self.plan();
        plan.calls.push(Call {
            operation: operation.to_owned(),
            table: request["TableName"].as_str().unwrap_or_default().to_owned(),
            is_consistent: request["ConsistentRead"] == true,
            units,
        });
    }

    async fn pass(&self, operation: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(stale) = self.stale(operation, headers, &request).await {
            self.record(operation, body, 0.5);
            return stale.into_response();
        }
        // Functions do not request the consumed capacity.
        request["ReturnConsumedCapacity"] = "TOTAL".into();
        let answer = self.send(headers, &request).await;
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

    async fn send(&self, headers: &HeaderMap, request: &Value) -> reqwest::Response {
        let mut headers = headers.clone();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::HOST);
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let is_dynamodb = target.is_some_and(|target| target.starts_with("DynamoDB"));
        let endpoint = if is_dynamodb { &self.endpoint } else { &self.aws_endpoint };
        let sent = self.client.post(endpoint).headers(headers).body(request.to_string());
        sent.send().await.unwrap()
    }

    /// The response to an eventually consistent read. Before a write, records the current item.
    async fn stale(&self, operation: &str, headers: &HeaderMap, request: &Value) -> Option<String> {
        self.plan().before.as_ref()?;
        if operation == "GetItem" {
            let is_consistent = request["ConsistentRead"] == true;
            let plan = self.plan();
            let known = plan.before.as_ref()?.get(&item_name(request, &request["Key"]));
            return known.filter(|_| !is_consistent).map(Value::to_string);
        }
        let key = match operation {
            // A put has no key member. Only the users table is supported.
            "PutItem" if request["Item"]["username"].is_object() => {
                json!({ "username": request["Item"]["username"] })
            }
            "UpdateItem" | "DeleteItem" => request["Key"].clone(),
            _ => return None,
        };
        let mut read = json!({ "TableName": request["TableName"], "ConsistentRead": true });
        read["Key"] = key.clone();
        let mut headers = headers.clone();
        headers.insert("x-amz-target", "DynamoDB_20120810.GetItem".parse().unwrap());
        let item = self.send(&headers, &read).await.bytes().await.unwrap();
        let item = serde_json::from_slice(&item).unwrap_or_default();
        self.plan().before.as_mut()?.insert(item_name(request, &key), item);
        None
    }
}

/// The key of an item in [`Plan::before`].
fn item_name(request: &Value, key: &Value) -> String {
    format!("{} {key}", request["TableName"])
}
