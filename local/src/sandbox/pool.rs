//! The sandboxes of one function: one for each request that is handled at once.

use std::{
    num::NonZeroU32,
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
    /// After how many requests a sandbox is replaced; `None` keeps it as long as it lives.
    pub requests_per_sandbox: Option<NonZeroU32>,
}

/// Warm sandboxes, and the right to start more.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
    api: RuntimeApi,
    idle: Mutex<Vec<Warm>>,
    slots: Semaphore,
}

/// A sandbox that waits for work.
#[derive(Debug)]
struct Warm {
    sandbox: Sandbox,
    requests: u32,
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
        let start = || {
            let sandbox = Sandbox::start(&self.settings.command, &self.api)?;
            Ok(Warm { sandbox, requests: 0 })
        };
        let Warm { mut sandbox, requests } = self.take_idle().map_or_else(start, Ok)?;
        let outcome = sandbox.invoke(event, self.settings.timeout).await;
        let requests = requests.saturating_add(1);
        let is_spent =
            self.settings.requests_per_sandbox.is_some_and(|most| requests >= most.get());
        if is_spent {
            // The caller need not wait for its end.
            tokio::spawn(sandbox.stop());
        } else if matches!(outcome, Ok(_) | Err(InvokeError::Failed(_))) {
            self.idle().push(Warm { sandbox, requests });
        }
        outcome
    }

    /// Starts a sandbox and waits until it has initialised.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`] and [`InvokeError::InitFailed`].
    pub async fn warm(&self) -> Result<(), InvokeError> {
        let mut sandbox = Sandbox::start(&self.settings.command, &self.api)?;
        sandbox.initialise().await?;
        self.idle().push(Warm { sandbox, requests: 0 });
        Ok(())
    }

    /// Kills every sandbox that is idle; the next request starts another.
    pub async fn cool(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for warm in idle {
            warm.sandbox.stop().await;
        }
    }

    /// Kills every sandbox that is idle and refuses further work.
    pub async fn stop(&self) {
        self.slots.close();
        self.cool().await;
    }

    /// The sandbox that was used last, if it has not died meanwhile.
    fn take_idle(&self) -> Option<Warm> {
        let mut idle = self.idle();
        while let Some(mut warm) = idle.pop() {
            if warm.sandbox.is_alive() {
                return Some(warm);
            }
        }
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Warm>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
