//! The guard as a layer around any service of HTTP requests.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use lambda_http::{
    Body,
    http::{Request, Response},
    tower::{Layer, Service},
};
use latchkey_http::{
    ApiError, DEFAULT_MESSAGE_KEY, ErrorShape, RequestContext, add_common_headers, log_error,
};
use latchkey_session::ReadUser;
use latchkey_token::Timestamp;

use crate::{Guard, Identity, Requirement};

type ErrorResponse<R> = Arc<dyn Fn(&ApiError) -> Response<R> + Send + Sync>;

/// A [`tower::Layer`](Layer) that lets a request through to its service only with a valid access
/// token, and gives the service the caller: the request's extension [`Identity`].
///
/// It fits around every service of [`http`](lambda_http::http) requests: those of `lambda_http`,
/// and the routers of `axum`.
pub struct GuardLayer<S, R> {
    guard: Arc<Guard<S>>,
    requirement: Requirement,
    is_optional: bool,
    clock: fn() -> Timestamp,
    message_key: String,
    error_response: Option<ErrorResponse<R>>,
}

impl<S, R> GuardLayer<S, R> {
    /// Lets requests with a valid access token through. `clock` tells the time of each request:
    /// [`Timestamp::now`], except in tests.
    pub fn new(guard: impl Into<Arc<Guard<S>>>, clock: fn() -> Timestamp) -> Self {
        Self {
            guard: guard.into(),
            requirement: Requirement::TOKEN,
            is_optional: false,
            clock,
            message_key: DEFAULT_MESSAGE_KEY.to_owned(),
            error_response: None,
        }
    }

    /// Adds `requirement`.
    #[must_use]
    pub fn require(self, requirement: Requirement) -> Self {
        Self { requirement, ..self }
    }

    /// Lets requests without a token through too, without an [`Identity`].
    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Sets the member of an error's body that holds the sentence (`JWT_ERROR_MESSAGE_KEY`).
    #[must_use]
    pub fn message_key(self, message_key: impl Into<String>) -> Self {
        Self { message_key: message_key.into(), ..self }
    }

    /// Answers errors with what `response` returns.
    #[must_use]
    pub fn refuse_with(
        self,
        response: impl Fn(&ApiError) -> Response<R> + Send + Sync + 'static,
    ) -> Self {
        Self { error_response: Some(Arc::new(response)), ..self }
    }
}

impl<S: ReadUser, R: From<String>> GuardLayer<S, R> {
    async fn caller(&self, request: &Request<Body>) -> Result<Option<Identity>, Response<R>> {
        let (guard, requirement, now) = (&self.guard, self.requirement, (self.clock)());
        let caller = if self.is_optional {
            guard.authenticate_optional(request, requirement, now).await
        } else {
            guard.authenticate(request, requirement, now).await.map(Some)
        };
        caller.map_err(|error| {
            log_error(&error, request);
            match &self.error_response {
                Some(response) => response(&error),
                None => self.default_response(error, request),
            }
        })
    }

    fn default_response(&self, error: ApiError, request: &Request<Body>) -> Response<R> {
        let request_id = &RequestContext::of(request).request_id;
        let shape = ErrorShape::Latchkey { request_id, message_key: &self.message_key };
        let mut response = error.into_response(shape);
        add_common_headers(response.headers_mut());
        response.map(|body| String::from_utf8_lossy(&body).into_owned().into())
    }
}

impl<S, R> Clone for GuardLayer<S, R> {
    fn clone(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
            message_key: self.message_key.clone(),
            error_response: self.error_response.clone(),
            ..*self
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for GuardLayer<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer")
            .field("guard", &self.guard)
            .field("requirement", &self.requirement)
            .field("is_optional", &self.is_optional)
            .finish_non_exhaustive()
    }
}

impl<T, S, R> Layer<T> for GuardLayer<S, R> {
    type Service = Guarded<T, S, R>;

    fn layer(&self, inner: T) -> Self::Service {
        Guarded { inner, layer: self.clone() }
    }
}

/// A service behind a [`GuardLayer`].
#[derive(Debug)]
pub struct Guarded<T, S, R> {
    inner: T,
    layer: GuardLayer<S, R>,
}

impl<T: Clone, S, R> Clone for Guarded<T, S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<T, S, R, B> Service<Request<B>> for Guarded<T, S, R>
where
    T: Service<Request<B>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    S: ReadUser + Send + Sync + 'static,
    R: From<String> + Send + 'static,
    B: Send + 'static,
{
    type Response = Response<R>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, T::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let layer = self.layer.clone();
        // The one that was polled ready must be the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            // A body need not be `Sync`, so the guard gets an empty one.
            let (head, body) = request.into_parts();
            let head = Request::from_parts(head, Body::Empty);
            match layer.caller(&head).await {
                Ok(caller) => {
                    let mut request = head.map(|_| body);
                    let extensions = request.extensions_mut();
                    // Only the guard sets the caller.
                    extensions.remove::<Identity>();
                    if let Some(caller) = caller {
                        extensions.insert(caller);
                    }
                    inner.call(request).await
                }
                Err(refused) => Ok(refused),
            }
        })
    }
}
