//! The text of `docs/configuration.md`.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_config::{FUNCTIONS, SECTIONS, Values, Variable, variables_of};
use serde_yaml_ng::Value;

/// The page: its prose is kept, its tables are generated.
pub(crate) const PAGE: &str = include_str!("../../../../docs/configuration.md");
const HEADER: &str = "| variable | default | values | meaning | parameter | read by |\n\
                      |---|---|---|---|---|---|\n";
pub(crate) const TEMPLATE: &str = include_str!("../../../../template.yaml");

pub(crate) fn page() -> Result<String, serde_yaml_ng::Error> {
    let parameters = parameters(&serde_yaml_ng::from_str(TEMPLATE)?);
    let mut page = String::new();
    let mut rest = PAGE;
    for (title, variables) in SECTIONS {
        let heading = format!("\n## {title}\n");
        let (before, section) = rest.split_once(&heading).unwrap_or((rest, ""));
        let (prose, old) = section.split_once(HEADER).unwrap_or((section, ""));
        let rows = variables.iter().map(|variable| row(variable, parameters.get(variable.name)));
        page.extend([before, &heading, prose, HEADER].map(str::to_owned).into_iter().chain(rows));
        let old_rows = old.split_inclusive('\n').take_while(|line| line.starts_with('|'));
        rest = old.get(old_rows.map(str::len).sum()..).unwrap_or_default();
    }
    Ok(page + rest)
}

fn row(variable: &Variable, parameter: Option<&String>) -> String {
    let default = match variable.default {
        None => "required".to_owned(),
        Some("") => "none".to_owned(),
        Some(value) => format!("`{value}`"),
    };
    let parameter = parameter.map(|name| format!("`{name}`")).unwrap_or_default();
    let cells = [
        format!("`{}`", variable.name),
        default,
        values(variable),
        variable.meaning.trim().to_owned(),
        parameter,
        readers(variable.name),
    ];
    format!("| {} |\n", cells.join(" | "))
}

pub(crate) fn values(variable: &Variable) -> String {
    match variable.values {
        Values::Number(least, most) => format!("{least} to {most}"),
        Values::Must(words) => words.replacen("be ", "", 1).replace('<', "&lt;"),
    }
}

/// The functions that read a variable, or "all but" the others if those are fewer.
fn readers(variable: &str) -> String {
    let (readers, others): (Vec<_>, Vec<_>) = FUNCTIONS
        .into_iter()
        .map(|(function, _)| function)
        .partition(|function| variables_of(function).contains(variable));
    match others.len() {
        0 => "all".to_owned(),
        count if count < readers.len() => format!("all but {}", others.join(", ")),
        _ => readers.join(", "),
    }
}

/// The parameters of the template, by the variable that each one sets.
pub(crate) fn parameters(template: &Value) -> BTreeMap<String, String> {
    let names: BTreeSet<_> = members(template.get("Parameters")).map(|(name, _)| name).collect();
    members(template.get("Resources"))
        .flat_map(|(_, resource)| members(variables(resource)))
        .filter_map(|(variable, value)| {
            let parameter = references(value).into_iter().find(|name| names.contains(name))?;
            Some((variable, parameter))
        })
        .collect()
}

fn variables(resource: &Value) -> Option<&Value> {
    resource.get("Properties")?.get("Environment")?.get("Variables")
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (String, &Value)> {
    value.and_then(Value::as_mapping).into_iter().flatten().filter_map(|(name, value)| {
        let name = name.as_str()?;
        Some((name.to_owned(), value))
    })
}

/// The names in all `!Ref` of a value.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Tagged(tagged) if tagged.tag == "Ref" => {
            tagged.value.as_str().map(str::to_owned).into_iter().collect()
        }
        Value::Tagged(tagged) => references(&tagged.value),
        Value::Sequence(items) => items.iter().flat_map(references).collect(),
        Value::Mapping(members) => members.values().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
