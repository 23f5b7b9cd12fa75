//! The part of AWS that functions and operators call: KMS's `Encrypt` and `Decrypt`, Secrets
//! Manager's `GetSecretValue`, and Lambda's `Invoke`.

mod calls;
mod kms;
mod secrets;

use std::{io, path::Path, sync::Arc};

use tokio::net::TcpListener;

use crate::sandbox::Pools;

pub use kms::Kms;
pub use secrets::Secrets;

/// A refusal, under the name that AWS has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// The name of the error on the wire.
    pub code: &'static str,
    /// The text, which has nothing of a secret in it.
    pub message: String,
}

impl AwsError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// An account's keys, secrets and functions. Nothing is signed and nothing is refused: a caller may
/// do everything.
#[derive(Debug)]
pub struct Aws {
    /// What encrypts.
    pub kms: Kms,
    /// The secrets.
    pub secrets: Secrets,
    functions: Pools,
}

impl Aws {
    /// An account whose state is kept in `folder`, or nowhere, with these functions by each name
    /// that they are called by.
    ///
    /// # Errors
    /// When the KMS key cannot be read or written.
    pub fn open(folder: Option<&Path>, functions: Pools) -> io::Result<Self> {
        Ok(Self { kms: Kms::open(folder)?, secrets: Secrets::open(folder), functions })
    }

    /// Answers calls until the listener fails.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, calls::router(self)).await
    }
}
