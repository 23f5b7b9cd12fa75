//! The sandboxes of one function: one for each request that is handled at once.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::sync::Semaphore;

use super::{
    InvokeError,
    api::RuntimeApi,
    process::{Command, Sandbox},
};

/// How a function is run.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// How to start it.
    pub command: Command,
    /// How long it may take for an event.
    pub timeout: Duration,
    /// How many sandboxes it may have; further requests wait.
    pub limit: usize,
}

/// Warm sandboxes, and the right to start more.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
    api: RuntimeApi,
    idle: Mutex<Vec<Sandbox>>,
    slots: Semaphore,
}

impl Pool {
    /// A pool without any sandbox yet: the first request starts the first.
    pub fn new(settings: PoolSettings, api: RuntimeApi) -> Self {
        let slots = Semaphore::new(settings.limit);
        Self { settings, api, idle: Mutex::new(Vec::new()), slots }
    }

    /// Hands an event to a sandbox, warm if there is one.
    ///
    /// # Errors
    /// Every variant of [`InvokeError`].
    pub async fn invoke(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let _slot = self.slots.acquire().await.map_err(|_| InvokeError::Crashed)?;
        let mut sandbox = match self.take_idle() {
            Some(sandbox) => sandbox,
            None => Sandbox::start(&self.settings.command, &self.api)?,
        };
        let outcome = sandbox.invoke(event, self.settings.timeout).await;
        if matches!(outcome, Ok(_) | Err(InvokeError::Failed(_))) {
            self.idle().push(sandbox);
        }
        outcome
    }

    /// Kills every sandbox that is idle and refuses further work.
    pub async fn stop(&self) {
        self.slots.close();
        let idle = std::mem::take(&mut *self.idle());
        for sandbox in idle {
            sandbox.stop().await;
        }
    }

    /// The sandbox that was used last, if it has not died meanwhile.
    fn take_idle(&self) -> Option<Sandbox> {
        let mut idle = self.idle();
        while let Some(mut sandbox) = idle.pop() {
            if sandbox.is_alive() {
                return Some(sandbox);
            }
        }
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Sandbox>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
