//! The text of `docs/configuration.md`.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_config::{FUNCTIONS, SECTIONS, Values, Variable, variables_of};
use serde_yaml_ng::Value;

/// The page with `{{title}}` where the table of a section goes.
const PROSE: &str = include_str!("../../docs/configuration.md");
pub(crate) const TEMPLATE: &str = include_str!("../../../../template.yaml");

pub(crate) fn page() -> Result<String, serde_yaml_ng::Error> {
    let parameters = parameters(&serde_yaml_ng::from_str(TEMPLATE)?);
    Ok(SECTIONS.iter().fold(PROSE.to_owned(), |page, (title, variables)| {
        let rows: String =
            variables.iter().map(|variable| row(variable, parameters.get(variable.name))).collect();
        let table = format!(
            "| variable | default | values | read by | parameter | meaning |\n\
             |---|---|---|---|---|---|\n{rows}"
        );
        page.replace(&format!("{{{{{title}}}}}\n"), &table)
    }))
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
        readers(variable.name),
        parameter,
        variable.meaning.trim().to_owned(),
    ];
    let cells = cells.map(|cell| if cell.is_empty() { cell } else { format!(" {cell}") });
    format!("|{} |\n", cells.join(" |"))
}

pub(crate) fn values(variable: &Variable) -> String {
    match variable.values {
        Values::Number(least, most) => format!("{least} to {most}"),
        Values::Must(words) => words.replacen("be ", "", 1).replace('<', "&lt;"),
    }
}

/// The functions that read a variable: all, all but the shorter list, or those.
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

/// The parameter of the template that sets a variable, by the variable's name.
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

/// What `!Ref` names anywhere in a value.
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
