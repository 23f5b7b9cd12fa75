//! DynamoDB: the embedded engine, and the template's tables in any engine.

use std::{
    collections::BTreeMap, fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path,
};

use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

/// Why DynamoDB or its tables are unavailable.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The engine's port could not be opened.
    #[error("the embedded DynamoDB does not start: {0}")]
    Io(#[from] io::Error),
    /// The engine cannot open its file.
    #[error("the embedded DynamoDB does not start: {0}")]
    Engine(#[from] dynoxide::DynoxideError),
    /// The engine did not answer.
    #[error("DynamoDB at {0} does not answer: {1}")]
    Unreachable(String, reqwest::Error),
    /// The engine refused to create a table.
    #[error("CreateTable of table {0}: {1}")]
    Refused(String, String),
}

/// Starts the embedded engine with a file in the folder `state`, or in memory. Returns its URL.
///
/// # Errors
/// [`TableError::Io`] and [`TableError::Engine`].
pub async fn start_engine(state: Option<&Path>) -> Result<String, TableError> {
    let database = match state {
        Some(folder) => {
            let file = folder.join("dynamodb.sqlite");
            // Only the owner may read password hashes. SQLite gives its other files the same mode.
            OpenOptions::new().append(true).create(true).mode(0o600).open(&file)?;
            dynoxide::Database::new(&file.to_string_lossy())?
        }
        None => dynoxide::Database::memory()?,
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(endpoint)
}

/// Creates the missing tables. `tables` has `CreateTable` requests by table name.
///
/// # Errors
/// [`TableError::Unreachable`] and [`TableError::Refused`].
pub async fn make_tables(
    endpoint: &str,
    tables: &BTreeMap<String, Value>,
) -> Result<(), TableError> {
    for (name, request) in tables {
        let (status, answer) = call(endpoint, "CreateTable", request).await?;
        if !status.is_success() && !answer.contains("ResourceInUseException") {
            return Err(TableError::Refused(name.clone(), answer));
        }
    }
    Ok(())
}

/// An HTTP client for addresses of this machine, which ignores proxy settings.
///
/// # Errors
/// When the TLS library does not initialise.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build()
}

/// Calls DynamoDB. Returns status and body of the answer.
///
/// # Errors
/// [`TableError::Unreachable`].
pub async fn call(
    endpoint: &str,
    operation: &str,
    request: &Value,
) -> Result<(StatusCode, String), TableError> {
    let unreachable = |source| TableError::Unreachable(endpoint.to_owned(), source);
    let answer = http_client()
        .map_err(unreachable)?
        .post(endpoint)
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        // Emulators require a well-formed signature and do not check it.
        .header("x-amz-date", "20260101T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature=0",
        )
        .body(request.to_string())
        .send()
        .await
        .map_err(unreachable)?;
    Ok((answer.status(), answer.text().await.map_err(unreachable)?))
}
