#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test's tools fail the test"
)]

pub mod authorizer_event;
pub mod away;
pub mod event;
pub mod flask;
pub mod forge;
pub mod proxy;
pub mod store_contract;
pub mod subject;

use std::sync::Arc;

use auth_store::Aws;
use local::{
    aws::Aws as Account,
    sandbox::Pools,
    secrets::Secrets,
    tables,
    template::{Parameters, Template},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The template of the workspace, read as the local gateway reads it.
pub fn template() -> Template {
    template_with(&[])
}

/// The same with these values for its parameters.
pub fn template_with(given: &[(&str, &str)]) -> Template {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let issuer = ("Issuer", subject::ISSUER);
    let given = given.iter().chain([&issuer]);
    let parameters: Parameters =
        given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Template::parse(&std::fs::read_to_string(path).unwrap(), &parameters).unwrap()
}

/// A DynamoDB engine in this process with the template's tables; returns its endpoint.
pub async fn dynamodb() -> String {
    let endpoint = tables::start_engine(None).await.unwrap();
    tables::make_tables(&endpoint, &template().tables).await.unwrap();
    endpoint
}

/// An account with these secrets and without functions, a connection to it, and the task that
/// answers until it is aborted.
pub async fn account(secrets: Secrets) -> (Arc<Account>, Aws, JoinHandle<()>) {
    let account = Arc::new(Account::new(secrets, Pools::new()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let aws = Aws::emulator(&format!("http://{}", listener.local_addr().unwrap()));
    let answering = Arc::clone(&account).serve(listener);
    let server = tokio::spawn(async move { answering.await.unwrap() });
    (account, aws, server)
}
