//! Strict conversions of attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use latchkey_token::Timestamp;
use serde_json::{Map, Value};

use latchkey_session::StoreError;

pub(crate) type Attributes = HashMap<String, AttributeValue>;

pub(crate) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn time(moment: Timestamp) -> AttributeValue {
    number(moment.unix())
}

/// The value of a string attribute.
pub(crate) fn read_string<'a>(
    item: &'a Attributes,
    name: &'static str,
) -> Result<&'a str, StoreError> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or(StoreError::Malformed(name))
}

/// The value of a number attribute, which must be a non-negative integer.
pub(crate) fn read_number(item: &Attributes, name: &'static str) -> Result<u64, StoreError> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or(StoreError::Malformed(name))
}

pub(crate) fn read_time(item: &Attributes, name: &'static str) -> Result<Timestamp, StoreError> {
    read_number(item, name).map(Timestamp::from_unix)
}

/// The value of a string attribute, converted with `parse`.
pub(crate) fn read_parsed<T>(
    item: &Attributes,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(read_string(item, name)?).ok_or(StoreError::Malformed(name))
}

/// An attribute as JSON, string sets as arrays; `None` for types that JSON lacks.
#[expect(clippy::wildcard_enum_match_arm, reason = "the SDK's kinds grow, JSON's do not")]
pub(crate) fn to_json(value: &AttributeValue) -> Option<Value> {
    let array = |texts: &[String]| Some(texts.iter().map(String::as_str).collect());
    match value {
        AttributeValue::S(text) => Some(text.as_str().into()),
        AttributeValue::N(digits) => serde_json::from_str(digits).ok(),
        AttributeValue::Bool(flag) => Some((*flag).into()),
        AttributeValue::Null(_) => Some(Value::Null),
        AttributeValue::Ss(texts) => array(texts),
        AttributeValue::L(list) => list.iter().map(to_json).collect(),
        AttributeValue::M(members) => members_to_json(members).map(Value::Object),
        _ => None,
    }
}

/// The members of a map as JSON.
pub(crate) fn members_to_json(members: &Attributes) -> Option<Map<String, Value>> {
    members.iter().map(|(name, value)| Some((name.clone(), to_json(value)?))).collect()
}

/// JSON as an attribute.
pub(crate) fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => string(text),
        Value::Array(list) => AttributeValue::L(list.iter().map(from_json).collect()),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| (name.clone(), from_json(value));
            AttributeValue::M(members.iter().map(member).collect())
        }
    }
}
