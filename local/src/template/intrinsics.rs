//! The CloudFormation references, functions and conditions that the template uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{TABLE, TemplateError};

/// Parameter values by name.
pub type Parameters = BTreeMap<String, String>;

/// CloudFormation's pseudo parameters.
const PSEUDO_PARAMETERS: [(&str, &str); 5] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::StackName", "local"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

const NO_VALUE: &str = "AWS::NoValue";

/// The prefix of an emulated ARN; the resource's logical name follows.
const ARN_PREFIX: &str = "arn:aws:local:us-east-1:123456789012:";

/// The logical name in an emulated ARN.
pub(super) fn resource_of_arn(arn: &str) -> &str {
    arn.strip_prefix(ARN_PREFIX).unwrap_or(arn)
}

struct Resolver<'a> {
    parameters: BTreeMap<&'a str, Value>,
    conditions: &'a Map<String, Value>,
    resources: &'a Map<String, Value>,
}

/// The resources whose conditions hold, and all tables, with every reference resolved.
pub(super) fn resolve_resources(
    document: &Value,
    given: &Parameters,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let empty = Map::new();
    let section = |name| document.get(name).and_then(Value::as_object).unwrap_or(&empty);
    let declared = section("Parameters");
    if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
        return Err(unresolved(format!("there is no parameter {unknown}")));
    }
    let mut parameters = BTreeMap::new();
    for (name, parameter) in declared {
        let value = match (given.get(name), parameter.get("Default")) {
            (Some(given), _) => Value::from(given.as_str()),
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(unresolved(format!("parameter {name} has no value"))),
        };
        let is_list = parameter.get("Type").and_then(Value::as_str) == Some("CommaDelimitedList");
        let value = if is_list { split_list(&value) } else { value };
        parameters.insert(name.as_str(), value);
    }
    let resources = section("Resources");
    let resolver = Resolver { parameters, conditions: section("Conditions"), resources };
    let mut found = BTreeMap::new();
    for (name, resource) in resources {
        let is_table = resource.get("Type").and_then(Value::as_str) == Some(TABLE);
        let is_included = match resource.get("Condition").and_then(Value::as_str) {
            Some(condition) => resolver.condition(condition)? || is_table,
            None => true,
        };
        if is_included {
            found.insert(name.clone(), resolver.resolve(resource)?);
        }
    }
    Ok(found)
}

fn split_list(value: &Value) -> Value {
    value.as_str().unwrap_or_default().split(',').map(|part| Value::from(part.trim())).collect()
}

fn unresolved(problem: String) -> TemplateError {
    TemplateError::Unresolved(problem)
}

impl Resolver<'_> {
    fn resolve(&self, value: &Value) -> Result<Value, TemplateError> {
        // `AWS::NoValue` removes the list item or property that has it.
        let is_given = |resolved: &Value| resolved != NO_VALUE;
        match value {
            Value::Array(items) => {
                let resolved: Vec<_> =
                    items.iter().map(|item| self.resolve(item)).collect::<Result<_, _>>()?;
                Ok(resolved.into_iter().filter(is_given).collect())
            }
            Value::Object(members) => {
                if let Some((name, argument)) = function_call(members) {
                    return self.call(name, argument);
                }
                let mut resolved = Map::new();
                for (name, value) in members {
                    resolved.insert(name.clone(), self.resolve(value)?);
                }
                resolved.retain(|_, value| is_given(value));
                Ok(resolved.into())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, TemplateError> {
        match (name, argument, parts(argument)) {
            ("Ref", Value::String(name), _) => self.reference(name),
            ("Fn::GetAtt", _, [Value::String(resource), Value::String(attribute)]) => {
                self.attribute(resource, attribute)
            }
            ("Fn::Sub", Value::String(text), _) => self.substitute(text).map(Value::from),
            ("Fn::Join", _, [Value::String(separator), list]) => self.join(separator, list),
            ("Fn::If", _, [Value::String(condition), yes, no]) => {
                self.resolve(if self.condition(condition)? { yes } else { no })
            }
            _ => Err(unresolved(format!("{name} of {argument} is not emulated"))),
        }
    }

    fn reference(&self, name: &str) -> Result<Value, TemplateError> {
        if name == NO_VALUE {
            return Ok(NO_VALUE.into());
        }
        if let Some((_, value)) = PSEUDO_PARAMETERS.iter().find(|(pseudo, _)| *pseudo == name) {
            return Ok((*value).into());
        }
        match self.parameters.get(name) {
            Some(value) => Ok(value.clone()),
            // On AWS this is a table's name or a secret's ARN; here it is the logical name.
            None if self.resources.contains_key(name) => Ok(name.into()),
            None => Err(unresolved(format!("there is no {name} to refer to"))),
        }
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, TemplateError> {
        if attribute == "Arn" && self.resources.contains_key(resource) {
            Ok(format!("{ARN_PREFIX}{resource}").into())
        } else {
            Err(unresolved(format!("there is no {resource}.{attribute}")))
        }
    }

    /// Replaces `${Name}` and `${Name.Attribute}`; `${!Literal}` becomes `${Literal}`.
    fn substitute(&self, text: &str) -> Result<String, TemplateError> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part
                .split_once('}')
                .ok_or_else(|| unresolved(format!("{text:?} has an open brace")))?;
            result.push_str(&match (name.strip_prefix('!'), name.split_once('.')) {
                (Some(literal), _) => ["${", literal, "}"].concat(),
                (None, Some((resource, attribute))) => {
                    super::text(&self.attribute(resource, attribute)?)
                }
                (None, None) => super::text(&self.reference(name)?),
            });
            result.push_str(rest);
        }
        Ok(result)
    }

    fn join(&self, separator: &str, list: &Value) -> Result<Value, TemplateError> {
        let list = self.resolve(list)?;
        let items = list.as_array().ok_or_else(|| unresolved(format!("{list} is not a list")))?;
        let texts: Vec<_> = items.iter().map(super::text).collect();
        Ok(texts.join(separator).into())
    }

    fn condition(&self, name: &str) -> Result<bool, TemplateError> {
        let condition = self.conditions.get(name);
        self.is_true(condition.ok_or_else(|| unresolved(format!("there is no condition {name}")))?)
    }

    fn is_true(&self, condition: &Value) -> Result<bool, TemplateError> {
        let call = condition.as_object().and_then(function_call);
        let (name, argument) = call.unwrap_or(("", &Value::Null));
        match (name, argument, parts(argument)) {
            ("Condition", Value::String(name), _) => self.condition(name),
            ("Fn::Not", _, [part]) => Ok(!self.is_true(part)?),
            ("Fn::And", _, parts @ [_, ..]) => {
                parts.iter().try_fold(true, |all, part| Ok(all && self.is_true(part)?))
            }
            ("Fn::Or", _, parts @ [_, ..]) => {
                parts.iter().try_fold(false, |any, part| Ok(any || self.is_true(part)?))
            }
            ("Fn::Equals", _, [a, b]) => {
                Ok(super::text(&self.resolve(a)?) == super::text(&self.resolve(b)?))
            }
            _ => Err(unresolved(format!("the condition {condition}"))),
        }
    }
}

/// Name and argument, if an object is a call of an intrinsic function.
fn function_call(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next().filter(|_| members.len() == 1)?;
    let is_function = name == "Ref" || name == "Condition" || name.starts_with("Fn::");
    is_function.then_some((name, argument))
}

/// The arguments of a function with a list; empty for any other argument.
fn parts(argument: &Value) -> &[Value] {
    argument.as_array().map_or(&[], Vec::as_slice)
}
