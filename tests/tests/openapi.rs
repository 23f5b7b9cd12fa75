//! `docs/openapi.yaml` against the template and the code.
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

/// The error codes that `ApiError::code` gives.
fn codes() -> BTreeSet<String> {
    let source = read("shared/http/src/error.rs");
    let function = source.split("fn code(&self)").nth(1).unwrap();
    let body = function.split("\n    }\n").next().unwrap();
    body.split('"').skip(1).step_by(2).map(str::to_owned).collect()
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

#[test]
fn its_error_codes_are_the_codes() {
    let described: BTreeSet<_> = members(&openapi()["components"]["responses"])
        .into_iter()
        .flat_map(|(_, response)| {
            let schema = &response["content"]["application/json"]["schema"];
            let codes = schema["allOf"][1]["properties"]["error"]["enum"].as_sequence().cloned();
            codes.unwrap_or_default()
        })
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    let mut written = codes();
    // No gateway lets another method through.
    written.retain(|code| code != "method_not_allowed");
    assert!(written.len() > 15, "{written:?}");
    assert_eq!(described, written);
}

#[test]
fn the_readme_lists_every_error_code() {
    let readme = read("README.md");
    for code in codes() {
        assert!(readme.contains(&format!("`{code}`")), "{code}");
    }
}
