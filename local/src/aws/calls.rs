//! The calls as they come over the wire.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use super::{Aws, AwsError};
use crate::{log, sandbox::InvokeError};

/// Lambda's limit for an event.
const MAX_REQUEST_BYTES: usize = 6 * 1024 * 1024;

const ERROR_TYPE: &str = "x-amzn-errortype";
const TARGET: &str = "x-amz-target";
const INVOCATION_TYPE: &str = "x-amz-invocation-type";

pub(super) fn router(aws: Arc<Aws>) -> Router {
    Router::new()
        .route("/", post(call))
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(aws)
}

/// Reads a request. The error says where it is wrong and nothing of what was there.
pub(super) fn parse<'de, T: Deserialize<'de>>(request: &'de [u8]) -> Result<T, AwsError> {
    serde_json::from_slice(request).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let problem = format!("not what the operation takes: line {line}, column {column}");
        AwsError::new("SerializationException", problem)
    })
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn respond(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// `POST /` with an operation in `X-Amz-Target`.
async fn call(State(aws): State<Arc<Aws>>, headers: HeaderMap, request: Bytes) -> Response<Body> {
    const JSON: &str = "application/x-amz-json-1.1";
    let target = header_of(&headers, TARGET).unwrap_or_default();
    let answer = match target {
        "TrentService.Decrypt" => aws.kms.decrypt(&request),
        "TrentService.Encrypt" => aws.kms.encrypt(&request),
        "secretsmanager.GetSecretValue" => aws.secrets.get_secret_value(&request),
        other => {
            let problem = format!("{other} is not emulated");
            Err(AwsError::new("UnknownOperationException", problem))
        }
    };
    match answer {
        Ok(answer) => respond(StatusCode::OK, JSON, answer.to_string().into()),
        Err(error) => {
            let report = json!({ "__type": error.code, "message": error.message });
            let mut response = respond(StatusCode::BAD_REQUEST, JSON, report.to_string().into());
            response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(error.code));
            response
        }
    }
}

/// `POST /2015-03-31/functions/{name}/invocations` with an event.
async fn invoke(
    State(aws): State<Arc<Aws>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response<Body> {
    let kind = header_of(&headers, INVOCATION_TYPE).unwrap_or("RequestResponse");
    if kind != "RequestResponse" {
        let problem = format!("An invocation of type {kind} is not emulated");
        let code = "InvalidParameterValueException";
        return refuse(StatusCode::BAD_REQUEST, code, &problem);
    }
    let Some(function) = aws.functions.get(&name) else {
        let problem = format!("Function not found: {name}");
        return refuse(StatusCode::NOT_FOUND, "ResourceNotFoundException", &problem);
    };
    match function.invoke(event).await {
        Ok(answer) => respond(StatusCode::OK, "application/json", answer.into()),
        Err(error) => {
            log::line("aws", &format!("{name} {error}"));
            fail(error)
        }
    }
}

/// Lambda's own refusal.
fn refuse(status: StatusCode, code: &'static str, problem: &str) -> Response<Body> {
    let report = json!({ "Type": "User", "Message": problem });
    let mut response = respond(status, "application/json", report.to_string().into());
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(code));
    response
}

/// What a caller gets of a function that failed: the function's own report, if there is one.
fn fail(error: InvokeError) -> Response<Body> {
    let of_sandbox = |kind: &str, error: &InvokeError| {
        json!({ "errorType": kind, "errorMessage": format!("The function {error}") }).to_string()
    };
    let report = match error {
        InvokeError::Failed(report) => report,
        InvokeError::TimedOut => of_sandbox("Sandbox.Timedout", &error),
        InvokeError::Crashed => of_sandbox("Sandbox.Crashed", &error),
        InvokeError::InitFailed => of_sandbox("Sandbox.InitFailed", &error),
        InvokeError::NotStarted(_) => of_sandbox("Sandbox.NotStarted", &error),
    };
    let mut response = respond(StatusCode::OK, "application/json", report.into());
    let unhandled = HeaderValue::from_static("Unhandled");
    response.headers_mut().insert("x-amz-function-error", unhandled);
    response
}

#[cfg(test)]
mod tests;
