//! The part of AWS that functions and operators call: Secrets Manager, and Lambda's Invoke.

mod calls;
mod rotation;

use std::{io, sync::Arc};

use tokio::{net::TcpListener, sync::Mutex as AsyncMutex};

use crate::{
    sandbox::{Pool, Pools},
    secrets::Secrets,
};

pub use rotation::{ReportError, RotationError, STEPS};

/// An account's secrets and functions. Whoever reaches it may do everything: nothing is signed.
#[derive(Debug)]
pub struct Aws {
    /// The secrets.
    pub secrets: Secrets,
    functions: Pools,
    /// Held while a rotation runs.
    rotating: AsyncMutex<()>,
}

impl Aws {
    /// An account with these functions, by each name that they are called by.
    pub fn new(secrets: Secrets, functions: Pools) -> Self {
        Self { secrets, functions, rotating: AsyncMutex::new(()) }
    }

    /// Answers calls until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, calls::router(self)).await
    }

    /// The function that rotates a secret.
    fn function_of(&self, secret: &str) -> Option<&Pool> {
        self.functions.get(self.secrets.rotated_by(secret)?).map(Arc::as_ref)
    }
}
