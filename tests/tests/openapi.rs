//! `docs/openapi.yaml` against the template. [`latchkey_tests::openapi`] validates every answer of the
//! system tests.
#![cfg(test)]

use std::collections::BTreeSet;

use latchkey_testkit::template;
use latchkey_tests::openapi::document;
use serde_json::Value;

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().unwrap().iter()
}

#[test]
fn its_operations_are_the_templates_routes() {
    let described: BTreeSet<_> = members(&document()["paths"])
        .flat_map(|(path, operations)| {
            members(operations).map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let template = template();
    let routes = template.routes.iter().map(|route| format!("{} {}", route.method, route.path));
    assert_eq!(described, routes.collect());
}
