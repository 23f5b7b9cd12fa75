//! The AWS calls that functions and operators make: KMS's `Encrypt` and `Decrypt`, Secrets
//! Manager's `GetSecretValue`, and Lambda's `Invoke`.

mod calls;
mod kms;
mod secrets;

use std::{io, path::Path, sync::Arc};

use tokio::net::TcpListener;

use crate::sandbox::Pools;

use kms::Kms;
pub use secrets::Secrets;

/// An error response of AWS.
struct AwsError {
    code: &'static str,
    /// Contains no secret.
    message: String,
}

impl AwsError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// KMS, Secrets Manager and Lambda. It ignores signatures and allows every call.
#[derive(Debug)]
pub struct AwsEmulator {
    /// The emulated secrets, for tests to add some.
    pub secrets: Secrets,
    kms: Kms,
    functions: Pools,
}

impl AwsEmulator {
    /// An emulator with its state in `folder`, or in memory. `functions` has each function under its
    /// logical name and its `FunctionName`.
    ///
    /// # Errors
    /// When the KMS key cannot be read or written.
    pub fn open(folder: Option<&Path>, functions: Pools) -> io::Result<Self> {
        Ok(Self { secrets: Secrets::open(folder), kms: Kms::open(folder)?, functions })
    }

    /// Serves calls until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, calls::router(self)).await
    }
}
