//! The loop from the Lambda runtime to a handler and back.

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
    ApiError, AuditEvent, ErrorKind, ErrorShape, RequestContext, StartError, TrustedEdge, audit,
    edge, event::parse_event, response::add_common_headers,
};

/// The response to API Gateway, payload format 2.0. API Gateway turns JSON without `statusCode`
/// into a 200, so every response has this form.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayAnswer {
    /// The HTTP status.
    pub status_code: u16,
    /// The headers except `Set-Cookie`, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The values of the `Set-Cookie` headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The body as text.
    pub body: String,
    /// Always false: bodies are text.
    pub is_base64_encoded: bool,
}

/// HTTP settings of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Name of the member with the sentence in error bodies, by default `msg`
    /// (`JWT_ERROR_MESSAGE_KEY`).
    pub message_key: String,
    /// Prefix that is removed from every path, such as `/auth` if a custom domain maps that path to
    /// the API; empty for none.
    pub base_path: String,
    /// The edge that says the client's address; `None` takes API Gateway's.
    pub edge: Option<TrustedEdge>,
}

/// The default of `JWT_ERROR_MESSAGE_KEY`, as in Flask-JWT-Extended.
pub const DEFAULT_MESSAGE_KEY: &str = "msg";

impl Default for HttpSettings {
    fn default() -> Self {
        let message_key = DEFAULT_MESSAGE_KEY.to_owned();
        Self { message_key, base_path: String::new(), edge: None }
    }
}

/// The login path of Flask-JWT. Errors under it have the shape of Flask-JWT.
pub const FLASK_JWT_PATH: &str = "/auth";

/// Limits the log line, because clients choose the path.
const MAX_LOGGED_PATH_BYTES: usize = 200;

/// Time for a 503 to reach the client before Lambda kills the process. Each call to the store has
/// its own limit, but a request can make several calls.
const RESERVE: Duration = Duration::from_millis(100);

/// Time limit of a request without a usable deadline: local runtimes may send a constant.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_millis(1_900);

/// Serves events until Lambda stops the process. Call it once, from `main`.
///
/// Every event gets a response. An [`ApiError`] from `handle` is logged once and becomes the
/// response; a payload that is not an HTTP API event becomes 400. A request that is not finished
/// 100 ms before Lambda's deadline becomes 503.
///
/// # Errors
/// [`StartError`] if the Lambda Runtime API cannot be reached.
pub async fn run<H>(settings: HttpSettings, handle: H) -> Result<(), StartError>
where
    H: AsyncFn(&Request) -> Result<Response<Body>, ApiError>,
{
    let (settings, handle) = (&settings, &handle);
    // Boxed because futures of the AWS SDK have many kilobytes, which each layer of the runtime
    // would copy.
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

/// The time left until the reserve before `deadline`.
#[expect(clippy::disallowed_methods, reason = "a deadline is a moment of the real clock")]
fn time_limit(deadline: SystemTime) -> Duration {
    deadline
        .duration_since(SystemTime::now())
        .map_or(DEFAULT_TIME_LIMIT, |left| left.saturating_sub(RESERVE))
}

/// Runs `work` until 100 ms before Lambda's `deadline`, for functions that do not use [`run`].
///
/// # Errors
/// [`Elapsed`] if `work` is not finished then.
pub async fn in_time<T>(deadline: SystemTime, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    timeout(time_limit(deadline), work).await
}

/// The response to one event with the default settings, for tests. The time limit is 1.9 s.
pub async fn answer<H>(event: &str, handle: &H) -> GatewayAnswer
where
    H: AsyncFn(&Request) -> Result<Response<Body>, ApiError>,
{
    answer_with(&HttpSettings::default(), event, handle).await
}

/// The response to one event, for tests. The time limit is 1.9 s.
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
    let (mut request, parsed) = parse_event(event, &settings.base_path);
    let admitted = parsed.and_then(|()| edge::admit(settings.edge.as_ref(), &mut request));
    let outcome = match admitted {
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
        if let Some(event) = AuditEvent::of_route(request.method(), request.uri().path()) {
            audit::write(event, request, error.user(), Some(error.kind().code()));
        }
        let context = RequestContext::of(request);
        // A disabled Flask-JWT login answers like any unknown path.
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

/// Logs one line for a refused request (`INFO`) or a fault (`ERROR`, with its causes): request id,
/// method, path and code. It never logs the query string, headers or the body.
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
