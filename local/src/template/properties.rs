//! The properties of resources, as the template has them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{ApiAuthorizer, Cors, Function, Permission, intrinsics, text};
use crate::log::LogLevel;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionProperties {
    function_name: Option<String>,
    memory_size: u64,
    timeout: u64,
    #[serde(default)]
    logging_config: LoggingProperties,
    #[serde(default)]
    environment: EnvironmentProperties,
    #[serde(default)]
    pub(super) events: BTreeMap<String, EventSource>,
    #[serde(default)]
    policies: Vec<Policy>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LoggingProperties {
    log_format: LogFormat,
    application_log_level: Option<LogLevel>,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum LogFormat {
    #[serde(rename = "JSON")]
    Json,
    #[default]
    Text,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnvironmentProperties {
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
pub(super) enum EventSource {
    HttpApi(RouteProperties),
    /// Not emulated: `make rotate` replaces the daily schedule.
    Schedule(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RouteProperties {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) auth: RouteAuth,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct RouteAuth {
    pub(super) authorizer: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<PolicyStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyStatement {
    effect: String,
    action: Vec<String>,
    resource: String,
    condition: Option<StatementCondition>,
}

/// The only supported kind of condition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementCondition {
    #[serde(rename = "ForAllValues:StringEquals")]
    for_all_values: AllowedAttributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedAttributes {
    #[serde(rename = "dynamodb:Attributes")]
    attributes: BTreeSet<String>,
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
    function_arn: String,
    authorizer_payload_format_version: String,
    enable_simple_responses: bool,
    identity: AuthorizerIdentity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AuthorizerIdentity {
    headers: Vec<String>,
    #[serde(default)]
    reauthorize_every: Value,
}

impl AuthorizerProperties {
    /// `None` for a kind of authorizer that is not emulated.
    pub(super) fn into_authorizer(self) -> Option<ApiAuthorizer> {
        let is_emulated =
            self.authorizer_payload_format_version == "2.0" && self.enable_simple_responses;
        is_emulated.then(|| ApiAuthorizer {
            function: intrinsics::resource_of_arn(&self.function_arn).to_owned(),
            headers: self.identity.headers.iter().map(|name| name.to_lowercase()).collect(),
            cache_seconds: text(&self.identity.reauthorize_every).parse().unwrap_or(0),
        })
    }
}

impl FunctionProperties {
    pub(super) fn into_function(self, name: &str, binary: &str) -> Function {
        let variables = self.environment.variables.into_iter();
        let statements = self.policies.into_iter().flat_map(|policy| policy.statement);
        Function {
            name: self.function_name.unwrap_or_else(|| name.to_owned()),
            binary: binary.to_owned(),
            memory: self.memory_size,
            timeout: self.timeout,
            lowest_log_level: self.logging_config.lowest_level(),
            variables: variables.map(|(name, value)| (name, text(&value))).collect(),
            permissions: statements
                .filter(|statement| statement.effect == "Allow")
                .flat_map(PolicyStatement::into_permissions)
                .collect(),
        }
    }
}

impl LoggingProperties {
    /// Lambda filters lines in the JSON format only, by default below INFO.
    fn lowest_level(&self) -> Option<LogLevel> {
        match self.log_format {
            LogFormat::Json => Some(self.application_log_level.unwrap_or(LogLevel::Info)),
            LogFormat::Text => None,
        }
    }
}

impl PolicyStatement {
    fn into_permissions(self) -> impl Iterator<Item = Permission> {
        let Self { action, resource, condition, .. } = self;
        let attributes = condition.map(|condition| condition.for_all_values.attributes);
        action.into_iter().map(move |action| Permission {
            action,
            resource: resource.clone(),
            attributes: attributes.clone(),
        })
    }
}
