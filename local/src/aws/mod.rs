//! The part of AWS that functions and operators call: KMS's `Encrypt` and `Decrypt`, Secrets
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
    /// The text, which contains no secret.
    message: String,
}

impl AwsError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// KMS, Secrets Manager and Lambda. Signatures are ignored and every call is allowed.
#[derive(Debug)]
pub struct AwsEmulator {
    /// The secrets.
    pub secrets: Secrets,
    kms: Kms,
    functions: Pools,
}

impl AwsEmulator {
    /// An emulator that keeps its state in `folder`, or nowhere. `functions` has each function under
    /// every name that it is called by.
    ///
    /// # Errors
    /// When the KMS key cannot be read or written.
    pub fn open(folder: Option<&Path>, functions: Pools) -> io::Result<Self> {
        Ok(Self { secrets: Secrets::open(folder), kms: Kms::open(folder)?, functions })
    }

    /// Answers calls until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, calls::router(self)).await
    }
}
