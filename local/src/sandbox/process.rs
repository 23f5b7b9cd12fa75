//! A sandbox: one process of a function, which handles one event at a time.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
    time::timeout,
};

use super::{
    InvokeError,
    api::{Invocation, RuntimeApi},
};
use crate::log::FunctionLog;

/// Lambda's limit for the initialisation of a function.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The account variables that Lambda sets. The emulators do not check credentials.
pub(crate) const ACCOUNT_VARIABLES: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "local"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
];

/// How to start a function.
#[derive(Clone, Debug)]
pub struct FunctionCommand {
    /// The function's name, which prefixes its log lines.
    pub name: String,
    /// The path of its binary.
    pub binary: PathBuf,
    /// Its memory in MB, which is not enforced.
    pub memory: u64,
    /// Its whole environment, apart from what Lambda sets.
    pub variables: BTreeMap<String, String>,
    /// How it logs.
    pub log: FunctionLog,
}

/// A running process, killed on drop.
#[derive(Debug)]
pub struct Sandbox {
    api: RuntimeApi,
    child: Child,
    is_ready: bool,
    pub(super) requests: u32,
}

impl Sandbox {
    /// Starts a process without waiting for its initialisation.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`].
    pub fn start(command: &FunctionCommand) -> Result<Self, InvokeError> {
        let not_started =
            |error| InvokeError::NotStarted(format!("{}: {error}", command.binary.display()));
        let api = RuntimeApi::start().map_err(not_started)?;
        let mut child = Command::new(&command.binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &command.name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", command.memory.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_FORMAT", command.log.format())
            .envs(ACCOUNT_VARIABLES)
            .envs(&command.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Only the gateway gets Ctrl-C; it then stops the functions.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(not_started)?;
        log_lines(command, child.stdout.take());
        log_lines(command, child.stderr.take());
        Ok(Self { api, child, is_ready: false, requests: 0 })
    }

    /// The process id; `None` after its end.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Passes an event to the function and waits for the response. After any error but
    /// [`InvokeError::Failed`] the process has ended.
    ///
    /// # Errors
    /// Every variant of [`InvokeError`] except [`InvokeError::NotStarted`].
    pub async fn invoke(&mut self, event: Bytes, limit: Duration) -> Result<Bytes, InvokeError> {
        self.initialise().await?;
        self.requests = self.requests.saturating_add(1);
        let (reply, response) = oneshot::channel();
        let invocation = Invocation { id: next_request_id(), event, timeout: limit, reply };
        self.api.work.send(invocation).await.map_err(|_| InvokeError::Crashed)?;
        let outcome = tokio::select! {
            settled = timeout(limit, response) => match settled {
                Ok(outcome) => outcome.unwrap_or(Err(InvokeError::Crashed)),
                Err(_) => Err(InvokeError::TimedOut),
            },
            _ = self.child.wait() => Err(InvokeError::Crashed),
        };
        if let Err(InvokeError::TimedOut) = outcome {
            self.child.kill().await.ok();
        }
        outcome
    }

    /// Waits until the function has polled for its first event.
    ///
    /// # Errors
    /// [`InvokeError::InitFailed`].
    pub(super) async fn initialise(&mut self) -> Result<(), InvokeError> {
        if self.is_ready {
            return Ok(());
        }
        self.is_ready = tokio::select! {
            asked = timeout(INIT_TIMEOUT, self.api.ready()) => asked.is_ok(),
            _ = self.child.wait() => false,
        };
        if !self.is_ready {
            self.child.kill().await.ok();
            return Err(InvokeError::InitFailed);
        }
        Ok(())
    }

    /// Kills the process and waits for its end.
    pub async fn stop(mut self) {
        self.child.kill().await.ok();
    }
}

fn next_request_id() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Passes each line that a function writes to its log.
fn log_lines(command: &FunctionCommand, output: Option<impl AsyncRead + Send + Unpin + 'static>) {
    let Some(output) = output else { return };
    let (name, log) = (command.name.clone(), command.log.clone());
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.take(&name, &line);
        }
    });
}
