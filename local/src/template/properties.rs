//! The properties of resources, as they are written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{Authorizer, Cors, Function, Permission, TemplateError, intrinsics, text, unsupported};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionProperties {
    pub(super) function_name: Option<String>,
    pub(super) memory_size: u64,
    pub(super) timeout: u64,
    #[serde(default)]
    pub(super) environment: EnvironmentProperties,
    #[serde(default)]
    pub(super) events: BTreeMap<String, EventSource>,
    #[serde(default)]
    pub(super) policies: Vec<Policy>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EnvironmentProperties {
    pub(super) variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventSource {
    pub(super) r#type: String,
    properties: Value,
}

impl EventSource {
    /// The properties of an `HttpApi` event.
    pub(super) fn route(&self) -> Result<RouteProperties, serde_json::Error> {
        RouteProperties::deserialize(&self.properties)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RouteProperties {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) auth: EventAuth,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EventAuth {
    pub(super) authorizer: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    pub(super) statement: Vec<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) effect: String,
    pub(super) action: Vec<String>,
    pub(super) resource: String,
    pub(super) condition: Option<StatementCondition>,
}

/// The one kind of condition that is understood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatementCondition {
    #[serde(rename = "ForAllValues:StringEquals")]
    for_all_values: AllowedAttributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedAttributes {
    #[serde(rename = "dynamodb:Attributes")]
    attributes: BTreeSet<String>,
}

impl Statement {
    fn permissions(self) -> impl Iterator<Item = Permission> {
        let Self { action, resource, condition, .. } = self;
        let attributes = condition.map(|condition| condition.for_all_values.attributes);
        action.into_iter().map(move |action| Permission {
            action,
            resource: resource.clone(),
            attributes: attributes.clone(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiProperties {
    pub(super) auth: ApiAuth,
    pub(super) cors_configuration: Option<Cors>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiAuth {
    pub(super) default_authorizer: Option<String>,
    pub(super) authorizers: BTreeMap<String, AuthorizerProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthorizerProperties {
    pub(super) function_arn: String,
    pub(super) authorizer_payload_format_version: String,
    pub(super) enable_simple_responses: bool,
    pub(super) identity: AuthorizerIdentity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AuthorizerIdentity {
    pub(super) headers: Vec<String>,
    #[serde(default)]
    pub(super) reauthorize_every: Value,
}

impl AuthorizerProperties {
    pub(super) fn check(self, api: &str) -> Result<Authorizer, TemplateError> {
        if self.authorizer_payload_format_version != "2.0" || !self.enable_simple_responses {
            let problem = "only authorizers with format 2.0 and simple answers are emulated";
            return Err(unsupported(api, problem.to_owned()));
        }
        Ok(Authorizer {
            function: intrinsics::resource_of_arn(&self.function_arn).to_owned(),
            headers: self.identity.headers.iter().map(|name| name.to_lowercase()).collect(),
            cache_seconds: text(&self.identity.reauthorize_every).parse().unwrap_or(0),
        })
    }
}

impl FunctionProperties {
    pub(super) fn finish(self, name: &str, resource: &Value) -> Result<Function, TemplateError> {
        let binary = resource
            .pointer("/Metadata/BuildProperties/Binary")
            .and_then(Value::as_str)
            .ok_or_else(|| {
            unsupported(name, "has no Metadata.BuildProperties.Binary".into())
        })?;
        let statements = self.policies.into_iter().flat_map(|policy| policy.statement);
        Ok(Function {
            name: self.function_name.unwrap_or_else(|| name.to_owned()),
            binary: binary.to_owned(),
            memory: self.memory_size,
            timeout: self.timeout,
            variables: self
                .environment
                .variables
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            permissions: statements
                .filter(|statement| statement.effect == "Allow")
                .flat_map(Statement::permissions)
                .collect(),
        })
    }
}

/// A resource's properties over the defaults of its kind.
pub(super) fn properties<'de, T: Deserialize<'de>>(
    name: &str,
    resource: &Value,
    defaults: &Value,
) -> Result<T, TemplateError> {
    let mut merged = defaults.as_object().cloned().unwrap_or_default();
    let own = resource.get("Properties").and_then(Value::as_object).cloned();
    merged.extend(own.unwrap_or_default());
    T::deserialize(Value::Object(merged)).map_err(|error| unsupported(name, error.to_string()))
}
