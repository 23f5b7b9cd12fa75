//! From the Lambda runtime to a handler and back.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::Future,
    time::{Duration, SystemTime},
};

use lambda_http::{
    Body, Request, Response,
    http::{self, Method, header::SET_COOKIE},
    lambda_runtime::{self, LambdaEvent},
    service_fn,
};
use latchkey_session::with_causes;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{error::Elapsed, timeout};
use tracing::{error, info};

use crate::{
    ApiError, ErrorKind, ErrorShape, RequestContext, StartError, event::parse_event,
    response::add_common_headers,
};

/// The answer to the gateway, format 2.0. Without `statusCode` the gateway would take any JSON for
/// a success, so every answer is one of these.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayAnswer {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The values of `Set-Cookie`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The body's text.
    pub body: String,
    /// Always false: there are no binary answers.
    pub is_base64_encoded: bool,
}

/// How a function speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// The member of an error's body that holds the sentence.
    pub message_key: String,
    /// The prefix of every path, such as `/auth` where a custom domain maps that path to the API;
    /// empty for none.
    pub base_path: String,
}

/// Flask-JWT-Extended's default for `JWT_ERROR_MESSAGE_KEY`.
pub const DEFAULT_MESSAGE_KEY: &str = "msg";

impl Default for HttpSettings {
    fn default() -> Self {
        Self { message_key: DEFAULT_MESSAGE_KEY.to_owned(), base_path: String::new() }
    }
}

/// Flask-JWT's login. Its errors have Flask-JWT's shape.
pub const FLASK_JWT_PATH: &str = "/auth";

/// A client chooses its path; a log line stays a line.
const MAX_LOGGED_PATH_BYTES: usize = 200;

/// What a refusal needs to reach the client before Lambda kills the process. Each call of the store
/// has a limit of its own, but a request can make several.
const RESERVE: Duration = Duration::from_millis(100);

/// How long a request may take where the deadline says nothing: a local runtime may send a constant.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_millis(1_900);

/// Serves a function until its sandbox is stopped.
///
/// `handle` cannot fail towards the runtime, because the gateway would word that failure: whatever
/// it refuses becomes an answer of ours, and our own faults are logged, once.
///
/// # Errors
/// When the Runtime API cannot be reached.
pub async fn run<H>(settings: HttpSettings, handle: H) -> Result<(), StartError>
where
    H: AsyncFn(&Request) -> Result<Response<Body>, ApiError>,
{
    let (settings, handle) = (&settings, &handle);
    // Boxed because a call of the AWS SDK is a future of many kilobytes, which each layer of the
    // runtime would copy.
    let served = lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let time_limit = time_limit(event.context.deadline());
        Box::pin(async move {
            let answer = answer_within(time_limit, settings, event.payload.get(), handle).await;
            Ok::<_, Infallible>(answer)
        })
    }))
    .await;
    Ok(served?)
}

/// How long a request may take that must be answered by `deadline`.
#[expect(clippy::disallowed_methods, reason = "a deadline is a moment of the real clock")]
fn time_limit(deadline: SystemTime) -> Duration {
    deadline
        .duration_since(SystemTime::now())
        .map_or(DEFAULT_TIME_LIMIT, |left| left.saturating_sub(RESERVE))
}

/// What `work` comes to, unless Lambda is about to kill the process for its being late.
///
/// # Errors
/// [`Elapsed`] a tenth of a second before `deadline`.
pub async fn in_time<T>(deadline: SystemTime, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    timeout(time_limit(deadline), work).await
}

/// The answer to one event with the default settings, within 1.9 s.
pub async fn answer<H>(event: &str, handle: &H) -> GatewayAnswer
where
    H: AsyncFn(&Request) -> Result<Response<Body>, ApiError>,
{
    answer_with(&HttpSettings::default(), event, handle).await
}

/// The answer to one event, within 1.9 s.
pub async fn answer_with<H>(settings: &HttpSettings, event: &str, handle: &H) -> GatewayAnswer
where
    H: AsyncFn(&Request) -> Result<Response<Body>, ApiError>,
{
    answer_within(DEFAULT_TIME_LIMIT, settings, event, handle).await
}

async fn answer_within<H>(
    time_limit: Duration,
    settings: &HttpSettings,
    event: &str,
    handle: &H,
) -> GatewayAnswer
where
    H: AsyncFn(&Request) -> Result<Response<Body>, ApiError>,
{
    let (request, parsed) = parse_event(event, &settings.base_path);
    let outcome = match parsed {
        Ok(()) => match timeout(time_limit, handle(&request)).await {
            Ok(outcome) => outcome,
            Err(late) => Err(ApiError::unavailable(late)),
        },
        Err(refusal) => Err(refusal),
    };
    finish(outcome, &request, &settings.message_key)
}

fn finish(
    outcome: Result<Response<Body>, ApiError>,
    request: &Request,
    message_key: &str,
) -> GatewayAnswer {
    let mut response = outcome.unwrap_or_else(|error| {
        log_error(&error, request);
        let context = RequestContext::of(request);
        // Where that route is disabled, it is like any other unknown path.
        let is_flask_jwt =
            request.uri().path() == FLASK_JWT_PATH && error.kind() != ErrorKind::NotFound;
        error.into_response(if is_flask_jwt {
            ErrorShape::FlaskJwt
        } else {
            ErrorShape::Latchkey { request_id: &context.request_id, message_key }
        })
    });
    add_common_headers(response.headers_mut());
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    to_gateway(&response)
}

/// One line for each request that was refused or failed.
pub fn log_error<B>(error: &ApiError, request: &http::Request<B>) {
    let context = RequestContext::of(request);
    let request_id = context.request_id.as_str();
    let path = request.uri().path();
    let path = path.get(..path.floor_char_boundary(MAX_LOGGED_PATH_BYTES)).unwrap_or_default();
    let route = format!("{} {path}", request.method());
    let code = error.kind().code();
    if let Some(cause) = error.cause() {
        error!(request_id, route, code, cause = with_causes(cause), "request failed");
    } else {
        info!(request_id, route, code, "request refused");
    }
}

fn to_gateway(response: &Response<Body>) -> GatewayAnswer {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers();
    GatewayAnswer {
        status_code: response.status().as_u16(),
        headers: headers
            .iter()
            .filter(|(name, _)| *name != SET_COOKIE)
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        cookies: headers.get_all(SET_COOKIE).iter().map(text).collect(),
        body: String::from_utf8_lossy(response.body()).into_owned(),
        is_base64_encoded: false,
    }
}
