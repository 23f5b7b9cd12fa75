//! `docs/configuration.md` against the code and the template.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use latchkey_config::variables_of;
use latchkey_tests::{repository::read, stack::workspace};
use serde_yaml_ng::Value;

/// What Flask-JWT-Extended 4.7 reads from an application's configuration.
const FLASK_JWT_EXTENDED: [&str; 43] = [
    "JWT_ACCESS_COOKIE_NAME",
    "JWT_ACCESS_COOKIE_PATH",
    "JWT_ACCESS_CSRF_COOKIE_NAME",
    "JWT_ACCESS_CSRF_COOKIE_PATH",
    "JWT_ACCESS_CSRF_FIELD_NAME",
    "JWT_ACCESS_CSRF_HEADER_NAME",
    "JWT_ACCESS_TOKEN_EXPIRES",
    "JWT_ALGORITHM",
    "JWT_COOKIE_CSRF_PROTECT",
    "JWT_COOKIE_DOMAIN",
    "JWT_COOKIE_SAMESITE",
    "JWT_COOKIE_SECURE",
    "JWT_CSRF_CHECK_FORM",
    "JWT_CSRF_IN_COOKIES",
    "JWT_CSRF_METHODS",
    "JWT_DECODE_ALGORITHMS",
    "JWT_DECODE_AUDIENCE",
    "JWT_DECODE_ISSUER",
    "JWT_DECODE_LEEWAY",
    "JWT_ENCODE_AUDIENCE",
    "JWT_ENCODE_ISSUER",
    "JWT_ENCODE_NBF",
    "JWT_ERROR_MESSAGE_KEY",
    "JWT_HEADER_NAME",
    "JWT_HEADER_TYPE",
    "JWT_IDENTITY_CLAIM",
    "JWT_JSON_KEY",
    "JWT_PRIVATE_KEY",
    "JWT_PUBLIC_KEY",
    "JWT_QUERY_STRING_NAME",
    "JWT_QUERY_STRING_VALUE_PREFIX",
    "JWT_REFRESH_COOKIE_NAME",
    "JWT_REFRESH_COOKIE_PATH",
    "JWT_REFRESH_CSRF_COOKIE_NAME",
    "JWT_REFRESH_CSRF_COOKIE_PATH",
    "JWT_REFRESH_CSRF_FIELD_NAME",
    "JWT_REFRESH_CSRF_HEADER_NAME",
    "JWT_REFRESH_JSON_KEY",
    "JWT_REFRESH_TOKEN_EXPIRES",
    "JWT_SECRET_KEY",
    "JWT_SESSION_COOKIE",
    "JWT_TOKEN_LOCATION",
    "JWT_VERIFY_SUB",
];

/// What Flask-JWT 0.3.2 reads or documents.
const FLASK_JWT: [&str; 16] = [
    "JWT_ALGORITHM",
    "JWT_AUTH_ENDPOINT",
    "JWT_AUTH_HEADER_PREFIX",
    "JWT_AUTH_PASSWORD_KEY",
    "JWT_AUTH_URL_OPTIONS",
    "JWT_AUTH_URL_RULE",
    "JWT_AUTH_USERNAME_KEY",
    "JWT_DEFAULT_REALM",
    "JWT_EXPIRATION_DELTA",
    "JWT_LEEWAY",
    "JWT_NOT_BEFORE_DELTA",
    "JWT_REQUIRED_CLAIMS",
    "JWT_SECRET_KEY",
    "JWT_VERIFY",
    "JWT_VERIFY_CLAIMS",
    "JWT_VERIFY_EXPIRATION",
];

fn functions() -> BTreeSet<String> {
    let folders = fs::read_dir(workspace().join("functions")).unwrap();
    folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect()
}

/// The rows of the tables in `text` whose header row begins so, as their cells.
fn rows(text: &str, header: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        is_inside = line.starts_with('|') && (is_inside || line.starts_with(header));
        if is_inside && !line.starts_with(header) && !line.starts_with("|---") {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    rows
}

/// What stands below a heading.
fn section(heading: &str) -> String {
    let page = read("docs/configuration.md");
    let below = page.split(&format!("\n## {heading}\n")).nth(1).expect(heading).to_owned();
    below.split("\n## ").next().unwrap().to_owned()
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A row of our own tables.
struct Variable {
    default: String,
    bounds: String,
    readers: BTreeSet<String>,
    parameters: Vec<String>,
}

fn variables() -> BTreeMap<String, Variable> {
    let rows = rows(&read("docs/configuration.md"), "| variable |");
    let count = rows.len();
    let described: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| {
            let [name, default, bounds, readers, parameter, meaning] = &row[..] else {
                panic!("{row:?}")
            };
            assert!(!meaning.is_empty(), "{name}");
            let variable = Variable {
                default: default.replace('`', ""),
                bounds: bounds.replace('`', ""),
                readers: readers_of(readers),
                parameters: quoted(parameter),
            };
            (name.replace('`', ""), variable)
        })
        .collect();
    assert_eq!(described.len(), count, "a variable has two rows");
    described
}

/// `login, refresh`, `all` or `all but signup`.
fn readers_of(cell: &str) -> BTreeSet<String> {
    let listed = |names: &str| names.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    let readers = match cell.strip_prefix("all but ") {
        Some(others) => &functions() - &listed(others),
        None if cell == "all" => functions(),
        None => listed(cell),
    };
    assert!(readers.is_subset(&functions()), "{cell}");
    readers
}

#[test]
fn each_variable_has_a_row_that_names_the_functions_that_read_it_and_the_other_way_round() {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for function in functions() {
        for variable in variables_of(&function) {
            read.entry(variable.to_owned()).or_default().insert(function.clone());
        }
    }
    let described = variables().into_iter().map(|(name, variable)| (name, variable.readers));
    let described: BTreeMap<_, _> = described.collect();
    let differs = |(name, readers): &(&String, &BTreeSet<String>)| {
        described.get(*name) != Some(*readers) || read.get(*name) != Some(*readers)
    };
    let written: Vec<_> = described.iter().filter(differs).collect();
    let true_instead: Vec<_> = read.iter().filter(differs).collect();
    assert!(written.is_empty() && true_instead.is_empty(), "{written:#?}\nread: {true_instead:#?}");
}

/// What `!Ref` names anywhere in a value.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Tagged(tagged) if tagged.tag.to_string().trim_start_matches('!') == "Ref" => {
            vec![tagged.value.as_str().unwrap().to_owned()]
        }
        Value::Tagged(tagged) => references(&tagged.value),
        Value::Sequence(items) => items.iter().flat_map(references).collect(),
        Value::Mapping(members) => members.values().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn members(value: &Value) -> Vec<(String, &Value)> {
    let Value::Mapping(members) = value else { panic!("{value:?} is no object") };
    members.iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), value)).collect()
}

#[test]
fn a_parameter_is_named_where_the_template_sets_the_variable_by_it() {
    let template: Value = serde_yaml_ng::from_str(&read("template.yaml")).unwrap();
    let parameters = &template["Parameters"];
    let mut set_by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (_, resource) in members(&template["Resources"]) {
        let variables = &resource["Properties"]["Environment"]["Variables"];
        if variables.is_null() {
            continue;
        }
        for (name, value) in members(variables) {
            let mut named = references(value);
            named.retain(|name| !parameters[name.as_str()].is_null());
            set_by.insert(name, named);
        }
    }
    assert!(set_by.len() > 10, "{set_by:?}");
    for (name, variable) in variables() {
        let parameters = set_by.get(&name).cloned().unwrap_or_default();
        assert_eq!(variable.parameters, parameters, "{name}");
    }
}

/// A default or bound as it is written on the page.
fn text(value: &Value) -> Option<String> {
    let number = value.as_u64().map(|number| number.to_string());
    number.or_else(|| value.as_str().map(str::to_owned)).filter(|text| !text.is_empty())
}

#[test]
fn defaults_and_bounds_are_those_of_the_template() {
    let template: Value = serde_yaml_ng::from_str(&read("template.yaml")).unwrap();
    for (name, variable) in variables() {
        for parameter in &variable.parameters {
            let parameter = &template["Parameters"][parameter.as_str()];
            if let Some(default) = text(&parameter["Default"]) {
                assert_eq!(variable.default, default, "{name}");
            }
            if let Some((least, most)) =
                text(&parameter["MinValue"]).zip(text(&parameter["MaxValue"]))
            {
                assert_eq!(variable.bounds, format!("{least} to {most}"), "{name}");
            }
        }
    }
}

/// Each option has a row, which names variables of ours or says why it is fixed.
fn check_options(heading: &str, names: &[&str]) {
    let ours = variables();
    let rows = rows(&section(heading), "| option |");
    let described: Vec<_> = rows.iter().map(|row| row[0].replace('`', "")).collect();
    let mut sorted = described.clone();
    sorted.sort();
    assert_eq!(sorted, names, "{heading}");
    for (name, row) in described.iter().zip(&rows) {
        let [_, default, here, note] = &row[..] else { panic!("{row:?}") };
        assert!(!default.is_empty(), "{name}");
        let variables = quoted(here);
        for variable in &variables {
            assert!(ours.contains_key(variable), "{name}: {variable} is no variable of ours");
        }
        assert!(!ours.contains_key(name) || variables.contains(name), "{name} is ours as well");
        if variables.is_empty() {
            assert_eq!(here, "fixed", "{name}");
            assert!(note.split_whitespace().count() >= 5, "{name}: why is it fixed?");
        }
    }
}

#[test]
fn each_option_of_flask_jwt_extended_is_ours_or_fixed_for_a_reason() {
    check_options("Options of Flask-JWT-Extended", &FLASK_JWT_EXTENDED);
}

#[test]
fn each_option_of_flask_jwt_is_ours_or_fixed_for_a_reason() {
    check_options("Options of Flask-JWT", &FLASK_JWT);
}
