//! DynamoDB: the embedded engine, and the template's tables in whichever engine is used.

use std::{collections::BTreeMap, io, path::Path};

use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

const FILE: &str = "dynamodb.sqlite";

/// Why there are no tables.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The engine's file or port could not be opened.
    #[error("the embedded DynamoDB does not start: {0}")]
    Io(#[from] io::Error),
    /// The engine refused its file.
    #[error("the embedded DynamoDB does not start: {0}")]
    Engine(#[from] dynoxide::DynoxideError),
    /// The engine did not answer.
    #[error("DynamoDB at {endpoint} does not answer: {source}")]
    Unreachable {
        /// Where it should have been.
        endpoint: String,
        /// What happened instead.
        source: reqwest::Error,
    },
    /// The engine refused to make a table.
    #[error("{operation} of table {table}: {answer}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The table.
        table: String,
        /// The engine's words.
        answer: String,
    },
}

/// Starts the embedded engine over the file in `state`, which exists, or in memory; returns its endpoint.
///
/// # Errors
/// [`TableError::Io`] and [`TableError::Engine`].
pub async fn start_engine(state: Option<&Path>) -> Result<String, TableError> {
    let database = match state {
        Some(folder) => dynoxide::Database::new(&folder.join(FILE).to_string_lossy())?,
        None => dynoxide::Database::memory()?,
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(endpoint)
}

/// Makes those of `tables` that are missing.
///
/// # Errors
/// [`TableError::Unreachable`] and [`TableError::Refused`].
pub async fn make_tables(
    endpoint: &str,
    tables: &BTreeMap<String, Value>,
) -> Result<(), TableError> {
    const OPERATION: &str = "CreateTable";
    for (name, request) in tables {
        let (status, answer) = call(endpoint, OPERATION, request).await?;
        if !status.is_success() && !answer.contains("ResourceInUseException") {
            let table = name.clone();
            return Err(TableError::Refused { operation: OPERATION, table, answer });
        }
    }
    Ok(())
}

/// A client for addresses of this machine, which no proxy of the environment leads to.
///
/// # Errors
/// When there can be no client at all.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().build()
}

/// Calls DynamoDB, and returns the status and the text of its answer.
///
/// # Errors
/// [`TableError::Unreachable`].
pub async fn call(
    endpoint: &str,
    operation: &str,
    request: &Value,
) -> Result<(StatusCode, String), TableError> {
    let unreachable = |source| TableError::Unreachable { endpoint: endpoint.to_owned(), source };
    let answer = http_client()
        .map_err(unreachable)?
        .post(endpoint)
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        // Emulators ask for a signature's form and check none.
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
