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
pub mod cloud;
pub mod event;
pub mod flask;
pub mod forge;
pub mod proxy;
mod shared_engine;
pub mod stale_reads;
pub mod store_contract;
pub mod subject;

use local::{
    tables,
    template::{Parameters, Template},
};

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

/// A DynamoDB with the template's tables and nothing in them, in this process or where
/// `LATCHKEY_TEST_DYNAMODB_ENDPOINT` says; returns its endpoint.
pub async fn dynamodb() -> String {
    let endpoint = match shared_engine::of_one_test().await {
        Some(endpoint) => endpoint,
        None => tables::start_engine(None).await.unwrap(),
    };
    tables::make_tables(&endpoint, &template().tables).await.unwrap();
    endpoint
}
