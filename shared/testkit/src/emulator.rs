//! The DynamoDB emulator and the template of the local stack, for tests.

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
use local::{
    tables,
    template::{Parameters, Template},
};
use tokio::net::TcpListener;

use crate::fixtures::ISSUER;

/// The workspace's template, as the local gateway reads it.
pub fn template() -> Template {
    template_with(&[])
}

/// The workspace's template with these parameters and the tests' issuer.
pub fn template_with(given: &[(&str, &str)]) -> Template {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let given = given.iter().chain([&("Issuer", ISSUER)]);
    let parameters: Parameters =
        given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Template::parse(&std::fs::read_to_string(path).unwrap(), &parameters).unwrap()
}

/// Creates the template's tables, empty, in an emulator in this process or at the URL in
/// `LATCHKEY_TEST_DYNAMODB_ENDPOINT`. Returns the emulator's URL.
pub async fn dynamodb() -> String {
    let endpoint = match other_engine().await {
        Some(endpoint) => endpoint,
        None => tables::start_engine(None).await.unwrap(),
    };
    tables::make_tables(&endpoint, &template().tables).await.unwrap();
    endpoint
}

/// The variable with the URL of another emulator, which all tests share.
const ENDPOINT: &str = "LATCHKEY_TEST_DYNAMODB_ENDPOINT";

#[derive(Clone)]
struct OtherEngine {
    endpoint: String,
    access_key: String,
    client: reqwest::Client,
}

/// A URL of the other emulator for one test. DynamoDB Local separates tables by access key, so each
/// test gets its own key.
#[expect(clippy::disallowed_methods, reason = "a setting of tests, not of a function")]
async fn other_engine() -> Option<String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let endpoint = std::env::var(ENDPOINT).ok()?;
    let access_key = format!("{}x{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let engine = OtherEngine { endpoint, access_key, client: tables::http_client().unwrap() };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(forward).with_state(engine);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Some(format!("http://{address}"))
}

async fn forward(
    State(engine): State<OtherEngine>,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response {
    let signed = headers[header::AUTHORIZATION].to_str().unwrap();
    let (before, rest) = signed.split_once("Credential=").unwrap();
    let (_, after) = rest.split_once('/').unwrap();
    let signed = format!("{before}Credential={}/{after}", engine.access_key);
    headers.insert(header::AUTHORIZATION, signed.parse().unwrap());
    headers.remove(header::HOST);
    let sent = engine.client.post(&engine.endpoint).headers(headers).body(body);
    let answer = sent.send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    (status, headers, answer.bytes().await.unwrap()).into_response()
}
