//! The guard as a `tower` layer.

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

/// A [`tower::Layer`](Layer) that passes a request to its service only with a valid access token.
/// The service finds the caller in the request extension [`Identity`].
///
/// It wraps every service of [`http`](lambda_http::http) requests, such as those of `lambda_http`
/// and routers of `axum`. It does not read the body, so it finds no token there
/// ([`TokenLocation::Json`](crate::TokenLocation::Json)).
///
/// ```
/// use axum::{Extension, Router, routing::get};
/// use latchkey_guard::{Guard, GuardLayer, Identity, Requirement};
/// use latchkey_testkit::fixtures::reader;
/// use latchkey_token::Timestamp;
///
/// async fn greet(Extension(caller): Extension<Identity>) -> String {
///     format!("Hello, {}!", caller.username())
/// }
///
/// let guarded = GuardLayer::new(Guard::stateless(reader()), Timestamp::now);
/// let fresh = guarded.clone().require(Requirement::FRESH);
/// let router: Router = Router::new()
///     .route("/", get(greet).layer(guarded))
///     .route("/settings", get(greet).layer(fresh));
/// ```
pub struct GuardLayer<S, R> {
    guard: Arc<Guard<S>>,
    requirement: Requirement,
    is_optional: bool,
    clock: fn() -> Timestamp,
    message_key: String,
    error_response: Option<ErrorResponse<R>>,
}

impl<S, R> GuardLayer<S, R> {
    /// Requires a valid access token. `clock` returns the time of each request:
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

    /// Sets the requirement, in place of [`Requirement::TOKEN`].
    #[must_use]
    pub fn require(self, requirement: Requirement) -> Self {
        Self { requirement, ..self }
    }

    /// Also passes requests without a token, without an [`Identity`]. A bad token is refused.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Sets the name of the member with the sentence in error bodies (`JWT_ERROR_MESSAGE_KEY`), by
    /// default `msg`.
    #[must_use]
    pub fn message_key(self, message_key: impl Into<String>) -> Self {
        Self { message_key: message_key.into(), ..self }
    }

    /// Replaces the error response. `response` sets status, headers and body; without it they
    /// follow from the [`ApiError`].
    ///
    /// ```
    /// use latchkey_guard::{Guard, GuardLayer};
    /// use latchkey_http::ErrorKind;
    /// use latchkey_testkit::fixtures::reader;
    /// use latchkey_token::Timestamp;
    /// use lambda_http::{Body, Response};
    ///
    /// let layer = GuardLayer::new(Guard::stateless(reader()), Timestamp::now);
    /// let layer = layer.refuse_with(|error| {
    ///     let words = match error.kind() {
    ///         ErrorKind::MissingToken => "Please log in",
    ///         _ => "Access denied",
    ///     };
    ///     let mut response = Response::new(Body::from(words));
    ///     *response.status_mut() = error.kind().status();
    ///     response
    /// });
    /// ```
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

/// A service wrapped by a [`GuardLayer`].
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
        // Call the instance that was polled ready.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            // A body need not be `Sync`, so the guard gets an empty body.
            let (head, body) = request.into_parts();
            let head = Request::from_parts(head, Body::Empty);
            match layer.caller(&head).await {
                Ok(caller) => {
                    let mut request = head.map(|_| body);
                    let extensions = request.extensions_mut();
                    // Only the guard may set the caller.
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
