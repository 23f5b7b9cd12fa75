//! Attribute values, read strictly.

use std::collections::HashMap;

use auth_token::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::StoreError;

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

/// The value of an attribute that is a whole number from zero.
pub(crate) fn read_number(item: &Attributes, name: &'static str) -> Result<u64, StoreError> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or(StoreError::Malformed(name))
}

pub(crate) fn read_time(item: &Attributes, name: &'static str) -> Result<Timestamp, StoreError> {
    read_number(item, name).map(Timestamp::from_unix)
}

/// The value of an attribute that has a type of ours.
pub(crate) fn read_parsed<T>(
    item: &Attributes,
    name: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    parse(read_string(item, name)?).ok_or(StoreError::Malformed(name))
}
