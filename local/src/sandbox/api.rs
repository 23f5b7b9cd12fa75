//! The Runtime API, for all sandboxes at once: each has a path prefix of its own.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{Response, StatusCode},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
};

use super::InvokeError;

/// Lambda's limit for an answer.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// Where the outcome of an invocation is awaited.
type Reply = oneshot::Sender<Result<Bytes, InvokeError>>;

/// One event on its way to a sandbox.
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) timeout: Duration,
    pub(super) reply: Reply,
}

/// The API's end of a sandbox.
struct Line {
    work: AsyncMutex<mpsc::Receiver<Invocation>>,
    ready: Mutex<Option<oneshot::Sender<()>>>,
    pending: Mutex<Option<(String, Reply)>>,
}

/// The sandbox's end.
pub(super) struct Connection {
    pub(super) work: mpsc::Sender<Invocation>,
    pub(super) ready: oneshot::Receiver<()>,
}

type Lines = Arc<Mutex<HashMap<String, Arc<Line>>>>;

/// A running Runtime API.
#[derive(Clone)]
pub struct RuntimeApi {
    address: SocketAddr,
    lines: Lines,
}

impl std::fmt::Debug for RuntimeApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeApi").field("address", &self.address).finish_non_exhaustive()
    }
}

impl RuntimeApi {
    /// Starts the API on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let lines = Lines::default();
        let invocation = "/{sandbox}/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/response"), post(respond))
            .route(&format!("{invocation}/{{id}}/error"), post(fail))
            .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
            .with_state(Arc::clone(&lines));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, lines })
    }

    /// Opens a line for the sandbox of that name.
    pub(super) fn open(&self, sandbox: &str) -> Connection {
        let (work, receiver) = mpsc::channel(1);
        let (ready, is_ready) = oneshot::channel();
        let line = Line {
            work: AsyncMutex::new(receiver),
            ready: Mutex::new(Some(ready)),
            pending: Mutex::new(None),
        };
        lock(&self.lines).insert(sandbox.to_owned(), Arc::new(line));
        Connection { work, ready: is_ready }
    }

    /// Closes the line; whoever waits on it learns that.
    pub(super) fn close(&self, sandbox: &str) {
        lock(&self.lines).remove(sandbox);
    }

    /// What the sandbox finds in `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address_of(&self, sandbox: &str) -> String {
        format!("http://{}/{sandbox}", self.address)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn line(lines: &Lines, sandbox: &str) -> Option<Arc<Line>> {
    lock(lines).get(sandbox).map(Arc::clone)
}

/// `GET …/next`: waits for an event, as long as it takes.
async fn next(State(lines): State<Lines>, Path(sandbox): Path<String>) -> Response<Body> {
    let Some(line) = line(&lines, &sandbox) else {
        return status(StatusCode::GONE);
    };
    if let Some(ready) = lock(&line.ready).take() {
        ready.send(()).ok();
    }
    let Some(invocation) = line.work.lock().await.recv().await else {
        return status(StatusCode::GONE);
    };
    let deadline = unix_millis() + invocation.timeout.as_millis();
    let built = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &invocation.id)
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0")
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:local",
        )
        .body(Body::from(invocation.event));
    *lock(&line.pending) = Some((invocation.id, invocation.reply));
    built.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// `POST …/response`: the function's answer.
async fn respond(
    State(lines): State<Lines>,
    Path((sandbox, id)): Path<(String, String)>,
    answer: Bytes,
) -> Response<Body> {
    settle(&lines, &sandbox, &id, Ok(answer))
}

/// `POST …/error`: the function's failure.
async fn fail(
    State(lines): State<Lines>,
    Path((sandbox, id)): Path<(String, String)>,
    report: Bytes,
) -> Response<Body> {
    let report = String::from_utf8_lossy(&report).into_owned();
    settle(&lines, &sandbox, &id, Err(InvokeError::Failed(report)))
}

fn settle(
    lines: &Lines,
    sandbox: &str,
    id: &str,
    outcome: Result<Bytes, InvokeError>,
) -> Response<Body> {
    let Some(line) = line(lines, sandbox) else {
        return status(StatusCode::GONE);
    };
    let pending = lock(&line.pending).take_if(|(pending, _)| pending == id);
    match pending {
        Some((_, reply)) => {
            reply.send(outcome).ok();
            status(StatusCode::ACCEPTED)
        }
        None => status(StatusCode::BAD_REQUEST),
    }
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a moment of the real clock")]
fn unix_millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis())
}
