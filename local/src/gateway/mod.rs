//! The HTTP API: emulates API Gateway between clients and functions.

mod authorizer;
mod cors;
mod event;
mod response;
mod routes;

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, State},
    http::{Request, StatusCode, request::Parts},
    response::Response,
};
use tokio::net::TcpListener;

use crate::{log, sandbox::Pools, template::Template};

use authorizer::{AuthorizerDecision, DecisionCache};
use event::RequestEvent;
use response::{message, to_response};
use routes::Routes;

/// API Gateway's limit for the request line plus all headers.
const MAX_HEADER_BYTES: usize = 10_240;
/// API Gateway's limit for a request body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Lambda's limit for an event.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// A gateway in front of running functions.
#[derive(Debug)]
pub struct HttpGateway {
    template: Template,
    routes: Routes,
    functions: Pools,
    base_path: String,
    decisions: DecisionCache,
}

impl HttpGateway {
    /// A gateway for the routes of `template`; `functions` are by logical name. It also accepts paths
    /// below `base_path`, like a custom domain with that API mapping.
    pub fn new(template: Template, functions: Pools, base_path: String) -> Self {
        let routes = Routes::new(template.routes.clone());
        Self { template, routes, functions, base_path, decisions: DecisionCache::default() }
    }

    /// Serves requests until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        let router = Router::new().fallback(serve_request).with_state(self);
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
    }

    async fn route(&self, parts: &Parts, body: Bytes, client: SocketAddr) -> Response {
        let path = parts.uri.path();
        let is_mapped = |path: &&str| path.starts_with('/') && !self.base_path.is_empty();
        let mapped = path.strip_prefix(&self.base_path).filter(is_mapped).unwrap_or(path);
        let Some(matched) = self.routes.find(&parts.method, mapped) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let route = matched.route;
        let request = RequestEvent::new(parts, client, matched);
        let context = match &route.authorizer {
            None => None,
            Some(name) => match self.authorize(name, &request).await {
                AuthorizerDecision::Allowed(context) => Some(context),
                AuthorizerDecision::NoIdentity => {
                    return message(StatusCode::UNAUTHORIZED, "Unauthorized");
                }
                AuthorizerDecision::Denied => return message(StatusCode::FORBIDDEN, "Forbidden"),
                AuthorizerDecision::Failed => return server_error(),
            },
        };
        let event = request.proxy_event(&body, context);
        if event.len() > MAX_EVENT_BYTES {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        let response = self.invoke(&route.function, event.into()).await;
        response.and_then(|response| to_response(&response)).unwrap_or_else(server_error)
    }

    /// The function's response. As on AWS, the client does not see an error; the log has it.
    async fn invoke(&self, function: &str, event: Bytes) -> Option<Bytes> {
        let outcome = self.functions.get(function)?.invoke(event).await;
        outcome.inspect_err(|error| log::line("gateway", &format!("{function} {error}"))).ok()
    }
}

fn server_error() -> Response {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

async fn serve_request(
    State(gateway): State<Arc<HttpGateway>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let cors = gateway.template.cors.as_ref();
    if header_bytes(&parts) > MAX_HEADER_BYTES {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return message(status, "Request Header Fields Too Large");
    }
    if let Some(preflight) = cors.and_then(|cors| cors::preflight(cors, &parts)) {
        return preflight;
    }
    let mut response = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(body) => gateway.route(&parts, body, client).await,
        Err(_) => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
    };
    if let Some(cors) = cors {
        cors::add_headers(cors, &parts.headers, response.headers_mut());
    }
    response
}

fn header_bytes(parts: &Parts) -> usize {
    let line = format!("{} {} HTTP/1.1\r\n", parts.method, parts.uri).len();
    let headers = parts.headers.iter();
    line + headers.map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}
