//! `docs/openapi.yaml` has the routes of the template. [`latchkey_tests::openapi`] validates the answers
//! in system tests.
#![cfg(test)]

use std::collections::BTreeSet;

use latchkey_testkit::template;
use latchkey_tests::openapi::document;
use serde_json::Value;

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().unwrap().iter()
}

#[test]
fn the_documented_operations_are_the_routes_of_the_template() {
    let described: BTreeSet<_> = members(&document()["paths"])
        .flat_map(|(path, operations)| {
            members(operations).map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let template = template();
    let routes = template.routes.iter().map(|route| format!("{} {}", route.method, route.path));
    assert_eq!(described, routes.collect());
}
