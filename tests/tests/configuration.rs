//! `docs/configuration.md` against the code and the template.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use latchkey_config::variables_of;
use latchkey_tests::{repository::read, stack::workspace};
use serde_yaml_ng::Value;

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
            let [name, default, bounds, readers, parameter, _] = &row[..] else {
                panic!("{row:?}")
            };
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
