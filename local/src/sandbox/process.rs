//! One sandbox: a process of a function, which handles one event at a time.

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
    process::{Child, Command as ProcessCommand},
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    InvokeError,
    api::{Invocation, RuntimeApi},
};
use crate::log;

/// Lambda gives a function ten seconds to initialise.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// What Lambda tells a function of its account; nothing here checks credentials.
pub(crate) const OWN_VARIABLES: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "local"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_SECRET_ACCESS_KEY", "local"),
];

/// How to start a function.
#[derive(Clone, Debug)]
pub struct Command {
    /// The function's name, which stands before its log lines.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its memory in MB, which the function is told and not held to.
    pub memory: u64,
    /// Its variables. Nothing else of this process's environment is passed on.
    pub variables: BTreeMap<String, String>,
}

/// A running process. It is killed when this is dropped.
pub struct Sandbox {
    name: String,
    api: RuntimeApi,
    child: Child,
    work: mpsc::Sender<Invocation>,
    ready: Option<oneshot::Receiver<()>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("name", &self.name).finish_non_exhaustive()
    }
}

fn next_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

impl Sandbox {
    /// Starts a process; it initialises while the caller goes on.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`].
    pub fn start(command: &Command, api: &RuntimeApi) -> Result<Self, InvokeError> {
        let name = format!("{}-{}", command.name, next_number());
        let connection = api.open(&name);
        let spawned = ProcessCommand::new(&command.binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address_of(&name))
            .env("AWS_LAMBDA_FUNCTION_NAME", &command.name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", command.memory.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(OWN_VARIABLES)
            .envs(&command.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C reaches the gateway alone, which then stops its functions in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = spawned.map_err(|error| {
            api.close(&name);
            InvokeError::NotStarted(format!("{}: {error}", command.binary.display()))
        })?;
        pass_lines_on(&command.name, child.stdout.take());
        pass_lines_on(&command.name, child.stderr.take());
        let ready = Some(connection.ready);
        Ok(Self { name, api: api.clone(), child, work: connection.work, ready })
    }

    /// The process's id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether the process still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Hands an event to the function and waits for the answer. After an error other than
    /// [`InvokeError::Failed`] the process is gone.
    ///
    /// # Errors
    /// Every variant of [`InvokeError`] but [`InvokeError::NotStarted`].
    pub async fn invoke(&mut self, event: Bytes, limit: Duration) -> Result<Bytes, InvokeError> {
        self.initialise().await?;
        let (reply, answer) = oneshot::channel();
        let id = format!("00000000-0000-4000-8000-{:012}", next_number());
        let invocation = Invocation { id, event, timeout: limit, reply };
        self.work.send(invocation).await.map_err(|_| InvokeError::Crashed)?;
        let outcome = tokio::select! {
            answered = timeout(limit, answer) => match answered {
                Ok(answered) => answered.unwrap_or(Err(InvokeError::Crashed)),
                Err(_) => Err(InvokeError::TimedOut),
            },
            _ = self.child.wait() => Err(InvokeError::Crashed),
        };
        if let Err(InvokeError::TimedOut) = outcome {
            self.child.kill().await.ok();
        }
        outcome
    }

    /// Waits until the function has asked for work for the first time.
    ///
    /// # Errors
    /// [`InvokeError::InitFailed`].
    pub(super) async fn initialise(&mut self) -> Result<(), InvokeError> {
        let Some(ready) = self.ready.take() else {
            return Ok(());
        };
        let is_ready = tokio::select! {
            asked = timeout(INIT_TIMEOUT, ready) => matches!(asked, Ok(Ok(()))),
            _ = self.child.wait() => false,
        };
        if is_ready {
            Ok(())
        } else {
            self.child.kill().await.ok();
            Err(InvokeError::InitFailed)
        }
    }

    /// Kills the process and waits for its end.
    pub async fn stop(mut self) {
        self.child.kill().await.ok();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.api.close(&self.name);
    }
}

/// Prints what a function logs, its name before each line.
fn pass_lines_on(name: &str, output: Option<impl AsyncRead + Send + Unpin + 'static>) {
    let Some(output) = output else { return };
    let name = name.to_owned();
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log::line(&name, &line);
        }
    });
}
