//! The HTTP endpoints of the emulated AWS calls.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;

use super::{AwsEmulator, AwsError};
use crate::{log, sandbox::InvokeError};

/// Lambda's limit for a synchronous event.
const MAX_REQUEST_BYTES: usize = 6 * 1024 * 1024;
const ERROR_TYPE: &str = "x-amzn-errortype";

pub(super) fn router(aws: Arc<AwsEmulator>) -> Router {
    Router::new()
        .route("/", post(call))
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(aws)
}

/// Parses a request. The error has no part of its content, which may be secret.
pub(super) fn parse<'de, T: Deserialize<'de>>(request: &'de [u8]) -> Result<T, AwsError> {
    serde_json::from_slice(request).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let problem = format!("invalid request: line {line}, column {column}");
        AwsError::new("SerializationException", problem)
    })
}

fn header_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `POST /`; `X-Amz-Target` names the operation.
async fn call(State(aws): State<Arc<AwsEmulator>>, headers: HeaderMap, request: Bytes) -> Response {
    let result = match header_of(&headers, "x-amz-target").unwrap_or_default() {
        "TrentService.Decrypt" => aws.kms.decrypt(&request),
        "TrentService.Encrypt" => aws.kms.encrypt(&request),
        "secretsmanager.GetSecretValue" => aws.secrets.get_secret_value(&request),
        other => {
            Err(AwsError::new("UnknownOperationException", format!("{other} is not emulated")))
        }
    };
    let content_type = (header::CONTENT_TYPE, "application/x-amz-json-1.1");
    match result {
        Ok(result) => ([content_type], result.to_string()).into_response(),
        Err(AwsError { code, message }) => {
            let report = json!({ "__type": code, "message": message }).to_string();
            let error_type = (ERROR_TYPE, code);
            (StatusCode::BAD_REQUEST, [content_type], [error_type], report).into_response()
        }
    }
}

/// `POST /2015-03-31/functions/{name}/invocations` with an event.
async fn invoke(
    State(aws): State<Arc<AwsEmulator>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    let json = (header::CONTENT_TYPE.as_str(), "application/json");
    let refuse = |status: StatusCode, code: &'static str, problem: String| {
        let report = json!({ "Type": "User", "Message": problem }).to_string();
        (status, [json, (ERROR_TYPE, code)], report).into_response()
    };
    let kind = header_of(&headers, "x-amz-invocation-type").unwrap_or("RequestResponse");
    if kind != "RequestResponse" {
        let problem = format!("An invocation of type {kind} is not emulated");
        return refuse(StatusCode::BAD_REQUEST, "InvalidParameterValueException", problem);
    }
    let Some(function) = aws.functions.get(&name) else {
        let problem = format!("Function not found: {name}");
        return refuse(StatusCode::NOT_FOUND, "ResourceNotFoundException", problem);
    };
    match function.invoke(event).await {
        Ok(response) => ([json], response).into_response(),
        Err(error) => {
            log::line("aws", &format!("{name} {error}"));
            ([json, ("x-amz-function-error", "Unhandled")], report(error)).into_response()
        }
    }
}

/// The error report of a failed invocation: the function's own, if it sent one.
fn report(error: InvokeError) -> String {
    let kind = match error {
        InvokeError::Failed(report) => return report,
        InvokeError::TimedOut => "Sandbox.Timedout",
        InvokeError::Crashed => "Sandbox.Crashed",
        InvokeError::InitFailed => "Sandbox.InitFailed",
        InvokeError::NotStarted(_) => "Sandbox.NotStarted",
    };
    json!({ "errorType": kind, "errorMessage": format!("The function {error}") }).to_string()
}
