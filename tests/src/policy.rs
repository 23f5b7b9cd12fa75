//! The permissions that a policy grants and that recorded calls need.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test helpers panic"
)]

use std::collections::{BTreeMap, BTreeSet};

use latchkey_testkit::proxy::AwsRequest;
use local::template::Function;
use serde_json::Value;

/// Item attributes that a call may name; empty for any.
pub type AttributeNames = BTreeSet<String>;

/// The permissions of one function: attributes by action and resource.
pub type Permissions = BTreeMap<(String, String), AttributeNames>;

/// The permissions that the template grants to a function.
pub fn granted(function: &Function) -> Permissions {
    let mut granted = Permissions::new();
    for permission in &function.permissions {
        let action = (permission.action.clone(), short(&permission.resource));
        granted
            .entry(action)
            .or_default()
            .extend(permission.attributes.clone().unwrap_or_default());
    }
    granted
}

/// The permissions that requests need, by calling function.
pub fn needed(requests: &[AwsRequest]) -> BTreeMap<String, Permissions> {
    let mut needed = BTreeMap::<String, Permissions>::new();
    for request in requests {
        let resource = ["TableName", "KeyId", "SecretId"].map(|name| request.body[name].as_str());
        let resource = short(resource.into_iter().flatten().next().unwrap());
        let attributes = needed
            .entry(request.caller.clone())
            .or_default()
            .entry((request.action.clone(), resource))
            .or_default();
        if request.action == "dynamodb:UpdateItem" {
            attributes.extend(attributes_of(&request.body));
        }
    }
    needed
}

/// The last part of an ARN. Restored copies of a table have one permission.
fn short(resource: &str) -> String {
    let name = resource.rsplit([':', '/']).next().unwrap();
    match name.split_once("-restored-") {
        Some((stack, _)) => format!("{stack}-restored-*"),
        None => name.to_owned(),
    }
}

/// The top-level attributes that an update names, including the key.
pub fn attributes_of(update: &Value) -> AttributeNames {
    let expression = |name: &str| update[name].as_str().unwrap_or_default().to_owned();
    let text = format!("{} {}", expression("UpdateExpression"), expression("ConditionExpression"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || "#:_.".contains(c);
    let mut attributes: AttributeNames =
        update["Key"].as_object().unwrap().keys().cloned().collect();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        let path = word.split('.').next().unwrap();
        let is_function = behind.trim_start().starts_with('(');
        let is_keyword = ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT"].contains(&path);
        if is_function || is_keyword || path.starts_with(':') {
            continue;
        }
        let name = update["ExpressionAttributeNames"][path].as_str().unwrap_or(path);
        assert!(!name.starts_with('#'), "{path} of {update}");
        attributes.insert(name.to_owned());
    }
    attributes
}
