//! The guard as a layer around any service of HTTP requests.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use lambda_http::{
    http::{Request, Response},
    tower::{Layer, Service},
};
use latchkey_session::ReadUser;
use latchkey_token::Timestamp;

use super::{Guard, Identity, Refusal, Requirement};
use crate::{
    ApiError, ErrorSettings, Gateway, error::ErrorWording, response::add_common_headers,
    serve::log_refusal,
};

type Wording<R> = Arc<dyn Fn(&Refusal) -> Response<R> + Send + Sync>;

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
    wording: Option<Wording<R>>,
}

impl<S, R> GuardLayer<S, R> {
    /// Lets everybody through who presents a valid access token. `clock` tells the time of each
    /// request: [`Timestamp::now`], unless a test says otherwise.
    pub fn new(guard: impl Into<Arc<Guard<S>>>, clock: fn() -> Timestamp) -> Self {
        let requirement = Requirement::TOKEN;
        Self { guard: guard.into(), requirement, is_optional: false, clock, wording: None }
    }

    /// The same, and `requirement` on top.
    #[must_use]
    pub fn require(self, requirement: Requirement) -> Self {
        Self { requirement, ..self }
    }

    /// The same, but requests without any token are let through too, without an [`Identity`].
    #[must_use]
    pub fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// The same, but with the application's own words for every refusal.
    #[must_use]
    pub fn refuse_with(
        self,
        wording: impl Fn(&Refusal) -> Response<R> + Send + Sync + 'static,
    ) -> Self {
        Self { wording: Some(Arc::new(wording)), ..self }
    }
}

impl<S: ReadUser, R: From<String>> GuardLayer<S, R> {
    async fn caller(&self, request: &Request<()>) -> Result<Option<Identity>, Response<R>> {
        let now = (self.clock)();
        let checked = if self.is_optional {
            self.guard.check_if_any(request, self.requirement, now).await
        } else {
            self.guard.check(request, self.requirement, now).await.map(Some)
        };
        checked.map_err(|refusal| {
            let answer = self.wording.as_ref().map(|word| word(&refusal));
            let refusal = self.guard.answer(refusal);
            log_refusal(&refusal, request);
            answer.unwrap_or_else(|| in_our_words(refusal, request, &self.guard.errors))
        })
    }
}

fn in_our_words<R: From<String>>(
    refusal: ApiError,
    request: &Request<()>,
    errors: &ErrorSettings,
) -> Response<R> {
    let (request_id, message_key) = (&Gateway::of(request).request_id, &errors.message_key);
    let wording = ErrorWording::Ours { request_id, message_key };
    let mut response = refusal.into_response(wording);
    add_common_headers(response.headers_mut());
    response.map(|body| String::from_utf8_lossy(&body).into_owned().into())
}

impl<S, R> Clone for GuardLayer<S, R> {
    fn clone(&self) -> Self {
        Self { guard: Arc::clone(&self.guard), wording: self.wording.clone(), ..*self }
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
            // Checked without the body, which need not be shareable between threads.
            let (head, body) = request.into_parts();
            let head = Request::from_parts(head, ());
            match layer.caller(&head).await {
                Ok(caller) => {
                    let mut request = head.map(|()| body);
                    let extensions = request.extensions_mut();
                    // Nobody but the guard says who is calling.
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
