//! The sandboxes of one function, one per concurrent request.

use std::{
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::sync::Semaphore;

use super::{
    InvokeError,
    process::{FunctionCommand, Sandbox},
};

/// The concurrency limit of a function; further requests wait.
const MAX_SANDBOXES: usize = 32;

/// The sandboxes of one function, with a concurrency limit.
#[derive(Debug)]
pub struct Pool {
    command: FunctionCommand,
    timeout: Duration,
    requests_per_sandbox: Option<NonZeroU32>,
    idle: Mutex<Vec<Sandbox>>,
    slots: Semaphore,
}

impl Pool {
    /// An empty pool: the first request starts the first sandbox. `requests_per_sandbox` limits the
    /// requests of each sandbox.
    pub fn new(
        command: FunctionCommand,
        timeout: Duration,
        requests_per_sandbox: Option<NonZeroU32>,
    ) -> Self {
        let slots = Semaphore::new(MAX_SANDBOXES);
        Self { command, timeout, requests_per_sandbox, idle: Mutex::default(), slots }
    }

    /// Passes an event to an idle sandbox, or to a new one.
    ///
    /// # Errors
    /// Every variant of [`InvokeError`].
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let _slot = self.slots.acquire().await.map_err(|_| InvokeError::Crashed)?;
        let mut sandbox = match self.take_idle() {
            Some(sandbox) => sandbox,
            None => Sandbox::start(&self.command)?,
        };
        let outcome = sandbox.invoke(event, self.timeout).await;
        if self.requests_per_sandbox.is_some_and(|most| sandbox.requests >= most.get()) {
            // The caller does not wait for its end.
            tokio::spawn(sandbox.stop());
        } else if matches!(outcome, Ok(_) | Err(InvokeError::Failed(_))) {
            self.idle().push(sandbox);
        }
        outcome
    }

    /// Starts a sandbox and waits for its initialisation.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`] and [`InvokeError::InitFailed`].
    pub async fn warm(&self) -> Result<(), InvokeError> {
        let mut sandbox = Sandbox::start(&self.command)?;
        sandbox.initialise().await?;
        self.idle().push(sandbox);
        Ok(())
    }

    /// Kills every idle sandbox and refuses further events.
    pub async fn stop(&self) {
        self.slots.close();
        let idle = std::mem::take(&mut *self.idle());
        for sandbox in idle {
            sandbox.stop().await;
        }
    }

    /// The most recently used sandbox that still runs.
    fn take_idle(&self) -> Option<Sandbox> {
        let mut idle = self.idle();
        while let Some(mut sandbox) = idle.pop() {
            if sandbox.is_alive() {
                return Some(sandbox);
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Sandbox>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
