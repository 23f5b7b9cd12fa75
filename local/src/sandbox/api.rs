//! The Lambda Runtime API, one server per sandbox.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot},
    task::JoinSet,
};

use super::InvokeError;

/// Lambda's limit for a response.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

type ReplySender = oneshot::Sender<Result<Bytes, InvokeError>>;

/// One event for a sandbox.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) timeout: Duration,
    pub(super) reply: ReplySender,
}

/// A running Runtime API, stopped on drop.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) work: mpsc::Sender<Invocation>,
    queue: Arc<Queue>,
    _server: JoinSet<io::Result<()>>,
}

#[derive(Debug)]
struct Queue {
    work: AsyncMutex<mpsc::Receiver<Invocation>>,
    polled: Notify,
    pending: Mutex<Option<(String, ReplySender)>>,
}

impl RuntimeApi {
    /// Starts the API on a free port of 127.0.0.1.
    pub(super) fn start() -> io::Result<Self> {
        let listener = StdListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let (work, receiver) = mpsc::channel(1);
        let queue = Arc::new(Queue {
            work: AsyncMutex::new(receiver),
            polled: Notify::new(),
            pending: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(respond))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .layer(DefaultBodyLimit::max(MAX_RESPONSE_BYTES))
            .with_state(Arc::clone(&queue));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, work, queue, _server: server })
    }

    /// Waits until the function polls for an event.
    pub(super) async fn ready(&self) {
        self.queue.polled.notified().await;
    }
}

impl Queue {
    fn pending(&self) -> MutexGuard<'_, Option<(String, ReplySender)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, id: &str, outcome: Result<Bytes, InvokeError>) -> StatusCode {
        match self.pending().take_if(|(pending, _)| pending == id) {
            Some((_, reply)) => {
                reply.send(outcome).ok();
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

/// `GET …/next`: waits for an event.
async fn next(State(queue): State<Arc<Queue>>) -> Response {
    queue.polled.notify_one();
    let Some(Invocation { id, event, timeout, reply }) = queue.work.lock().await.recv().await
    else {
        return StatusCode::GONE.into_response();
    };
    let deadline = unix_millis() + timeout.as_millis();
    let trace = "Root=1-00000000-000000000000000000000000;Sampled=0";
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-trace-id", trace.to_owned()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:local".to_owned(),
        ),
    ];
    *queue.pending() = Some((id, reply));
    (headers, event).into_response()
}

/// `POST …/response`: the function's response.
async fn respond(
    State(queue): State<Arc<Queue>>,
    Path(id): Path<String>,
    response: Bytes,
) -> StatusCode {
    queue.settle(&id, Ok(response))
}

/// `POST …/error`: the function's error report.
async fn fail(
    State(queue): State<Arc<Queue>>,
    Path(id): Path<String>,
    report: Bytes,
) -> StatusCode {
    let report = String::from_utf8_lossy(&report).into_owned();
    queue.settle(&id, Err(InvokeError::Failed(report)))
}

#[expect(clippy::disallowed_methods, reason = "a deadline needs the real clock")]
fn unix_millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis())
}
