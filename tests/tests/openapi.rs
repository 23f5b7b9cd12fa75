//! `docs/openapi.yaml` against the template.
#![cfg(test)]

use std::collections::BTreeSet;

use latchkey_testkit::template;
use latchkey_tests::repository::read;
use serde_yaml_ng::Value;

fn openapi() -> Value {
    serde_yaml_ng::from_str(&read("docs/openapi.yaml")).unwrap()
}

fn members(value: &Value) -> Vec<(String, Value)> {
    let Value::Mapping(members) = value else { panic!("{value:?} is no object") };
    members.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), value.clone())).collect()
}

#[test]
fn its_operations_are_the_templates_routes() {
    let described: BTreeSet<_> = members(&openapi()["paths"])
        .into_iter()
        .flat_map(|(path, operations)| {
            let methods = members(&operations).into_iter().map(|(method, _)| method.to_uppercase());
            methods.map(move |method| format!("{method} {path}")).collect::<Vec<_>>()
        })
        .collect();
    let template = template();
    let routes = template.routes.iter().map(|route| format!("{} {}", route.method, route.path));
    assert_eq!(described, routes.collect());
}
