//! Another DynamoDB in place of the embedded one, shared by all tests.

use std::{
    process,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use local::tables;
use tokio::net::TcpListener;

/// Where the other engine is, if there is one.
const ENDPOINT: &str = "LATCHKEY_TEST_DYNAMODB_ENDPOINT";

#[derive(Clone)]
struct Account {
    endpoint: String,
    access_key: String,
    client: reqwest::Client,
}

/// The endpoint of the other engine for one test. DynamoDB Local has tables for each access key, so
/// a new key has none.
#[expect(clippy::disallowed_methods, reason = "it is for tests, and no setting of a function")]
pub(crate) async fn of_one_test() -> Option<String> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let endpoint = std::env::var(ENDPOINT).ok()?;
    let access_key = format!("{}x{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let account = Account { endpoint, access_key, client: tables::http_client().unwrap() };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(pass).with_state(account);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Some(format!("http://{address}"))
}

async fn pass(State(account): State<Account>, mut headers: HeaderMap, body: Bytes) -> Response {
    let signed = headers[header::AUTHORIZATION].to_str().unwrap();
    let (before, rest) = signed.split_once("Credential=").unwrap();
    let (_, after) = rest.split_once('/').unwrap();
    let signed = format!("{before}Credential={}/{after}", account.access_key);
    headers.insert(header::AUTHORIZATION, signed.parse().unwrap());
    headers.remove(header::HOST);
    let sent = account.client.post(&account.endpoint).headers(headers).body(body);
    let answer = sent.send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
