//! The HTTP API: what API Gateway does between a client and the functions.

mod answer;
mod authorizer;
mod cors;
mod event;
mod routes;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, State},
    http::{HeaderMap, Request, Response, StatusCode, request::Parts},
};
use tokio::net::TcpListener;

use crate::{
    log,
    sandbox::Pool,
    template::{Cors, Template},
};

use answer::{message, to_response};
use authorizer::{Cache, Verdict};
use event::Incoming;
use routes::Routes;

/// API Gateway's limit for the request line and the headers together.
const MAX_HEADER_BYTES: usize = 10_240;
/// API Gateway's limit for a body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Lambda's limit for an event.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// A gateway over running functions.
#[derive(Debug)]
pub struct Gateway {
    template: Template,
    routes: Routes,
    functions: BTreeMap<String, Arc<Pool>>,
    base_path: String,
    decisions: Cache,
}

impl Gateway {
    /// A gateway for the routes of `template`, answered by `functions` (by logical name). As a
    /// custom domain does that maps `base_path` to the API, it takes requests below that path too.
    pub fn new(
        template: Template,
        functions: BTreeMap<String, Arc<Pool>>,
        base_path: String,
    ) -> Self {
        let routes = Routes::new(&template.routes);
        Self { template, routes, functions, base_path, decisions: Cache::default() }
    }

    /// Serves until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        let router = Router::new().fallback(serve_one).with_state(self);
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
    }

    async fn answer(&self, parts: &Parts, body: Bytes, client: SocketAddr) -> Response<Body> {
        let path = parts.uri.path();
        let is_mapped = |path: &&str| path.starts_with('/') && !self.base_path.is_empty();
        let mapped = path.strip_prefix(&self.base_path).filter(is_mapped).unwrap_or(path);
        let Some(matched) = self.routes.find(&parts.method, mapped) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let incoming = Incoming::new(parts, client, &matched);
        let context = match &matched.route.authorizer {
            None => None,
            Some(name) => match self.authorize(name, &incoming).await {
                Verdict::Allowed(context) => Some(context),
                Verdict::NoIdentity => return message(StatusCode::UNAUTHORIZED, "Unauthorized"),
                Verdict::Denied => return message(StatusCode::FORBIDDEN, "Forbidden"),
                Verdict::Broken => return server_error(),
            },
        };
        let event = incoming.proxy_event(&body, context.as_ref());
        if event.len() > MAX_EVENT_BYTES {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        match self.invoke(&matched.route.function, event.into()).await {
            Some(answer) => to_response(&answer).unwrap_or_else(server_error),
            None => server_error(),
        }
    }

    /// The function's answer; what went wrong is printed and, as on AWS, not told.
    async fn invoke(&self, function: &str, event: Bytes) -> Option<Bytes> {
        match self.functions.get(function)?.invoke(event).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                log::line("gateway", &format!("{function} {error}"));
                None
            }
        }
    }
}

fn server_error() -> Response<Body> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

async fn serve_one(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
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
        Ok(body) => gateway.answer(&parts, body, client).await,
        Err(_) => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
    };
    if let Some(cors) = cors {
        cors::add_headers(cors, &parts.headers, response.headers_mut());
    }
    response
}

fn header_bytes(parts: &Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len() + "  HTTP/1.1\r\n".len();
    let headers = |headers: &HeaderMap| -> usize {
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
    };
    line + headers(&parts.headers)
}
