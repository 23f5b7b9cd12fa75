//! Parses `template.yaml`: functions, routes, authorizers, tables.

mod intrinsics;
mod properties;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use intrinsics::Parameters;
use properties::{ApiProperties, EventSource, FunctionProperties};

use crate::log::LogLevel;

/// Why a template cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The text is not YAML.
    #[error("the template is not YAML: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// A reference or function of the template has no value.
    #[error("the template cannot be resolved: {0}")]
    Unresolved(String),
    /// A resource is incomplete or uses something that is not emulated.
    #[error("{resource}: {problem}")]
    Unsupported {
        /// The resource's logical name.
        resource: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// A template with every reference resolved.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The functions by logical name.
    pub functions: BTreeMap<String, Function>,
    /// The routes of the API.
    pub routes: Vec<ApiRoute>,
    /// The authorizers of the API by name.
    pub authorizers: BTreeMap<String, ApiAuthorizer>,
    /// The API's CORS settings.
    pub cors: Option<Cors>,
    /// `CreateTable` requests by logical name. Tables with a false condition are included, because static
    /// Flask keys need one of them.
    pub tables: BTreeMap<String, Value>,
}

/// A Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// `FunctionName`, or else the logical name.
    pub name: String,
    /// The name of its binary.
    pub binary: String,
    /// Its memory in MB.
    pub memory: u64,
    /// Its timeout in seconds.
    pub timeout: u64,
    /// The lowest level of its JSON log lines; `None` if it logs text.
    pub lowest_log_level: Option<LogLevel>,
    /// Its environment variables.
    pub variables: BTreeMap<String, String>,
    /// The permissions of its IAM policies.
    pub permissions: Vec<Permission>,
}

/// One action on one resource that a function's policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The IAM action, such as `dynamodb:GetItem`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// The `dynamodb:Attributes` that the call may name; `None` for any.
    pub attributes: Option<BTreeSet<String>>,
}

/// A route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRoute {
    /// The method, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`.
    pub path: String,
    /// The logical name of its function.
    pub function: String,
    /// The name of its authorizer; `None` for an open route.
    pub authorizer: Option<String>,
}

/// A Lambda authorizer with format 2.0 and simple responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAuthorizer {
    /// The logical name of its function.
    pub function: String,
    /// The identity sources in lower case; a request without one of these headers gets 401.
    pub headers: Vec<String>,
    /// TTL of a cached decision in seconds.
    pub cache_seconds: u64,
}

/// The API's CORS settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cors {
    /// `Access-Control-Allow-Origin`: the allowed origins.
    pub allow_origins: Vec<String>,
    /// `Access-Control-Allow-Headers`: request headers that a page may send.
    pub allow_headers: Vec<String>,
    /// `Access-Control-Allow-Methods`: methods that a page may use.
    pub allow_methods: Vec<String>,
    /// `Access-Control-Expose-Headers`: response headers that a page may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// `Access-Control-Max-Age`: TTL of a preflight response in seconds.
    pub max_age: u64,
    /// `Access-Control-Allow-Credentials`: whether pages may send cookies.
    #[serde(default)]
    pub allow_credentials: bool,
}

const TABLE: &str = "AWS::DynamoDB::Table";

impl Template {
    /// Parses a template. Parameters without a value have their default.
    ///
    /// # Errors
    /// Every variant of [`TemplateError`].
    pub fn parse(text: &str, parameters: &Parameters) -> Result<Self, TemplateError> {
        let document = yaml::to_json(serde_yaml_ng::from_str(text)?)?;
        let resources = intrinsics::resolve_resources(&document, parameters)?;
        let globals = document.pointer("/Globals/Function").and_then(Value::as_object);
        let defaults = globals.cloned().unwrap_or_default();
        let mut template = Self::default();
        let mut default_authorizer = None;
        for (name, resource) in of_type(&resources, "AWS::Serverless::HttpApi") {
            let api: ApiProperties = properties(name, resource, Map::new())?;
            template.cors = api.cors_configuration;
            default_authorizer = api.auth.default_authorizer;
            for (authorizer, properties) in api.auth.authorizers {
                let problem = "only authorizers with format 2.0 and simple responses are emulated";
                let settings = properties.into_authorizer();
                let settings = settings.ok_or_else(|| unsupported(name, problem))?;
                template.authorizers.insert(authorizer, settings);
            }
        }
        for (name, resource) in of_type(&resources, "AWS::Serverless::Function") {
            let function: FunctionProperties = properties(name, resource, defaults.clone())?;
            for (event, source) in &function.events {
                if let EventSource::HttpApi(route) = source {
                    let authorizer = route.auth.authorizer.as_ref().or(default_authorizer.as_ref());
                    let authorizer = authorizer.filter(|name| *name != "NONE").cloned();
                    if authorizer.as_ref().is_some_and(|it| !template.authorizers.contains_key(it))
                    {
                        let problem = format!("event {event} names an unknown authorizer");
                        return Err(unsupported(name, problem));
                    }
                    template.routes.push(ApiRoute {
                        method: route.method.to_uppercase(),
                        path: route.path.clone(),
                        function: name.clone(),
                        authorizer,
                    });
                }
            }
            let binary = resource.pointer("/Metadata/BuildProperties/Binary");
            let binary = binary
                .and_then(Value::as_str)
                .ok_or_else(|| unsupported(name, "has no Metadata.BuildProperties.Binary"))?;
            template.functions.insert(name.clone(), function.into_function(name, binary));
        }
        for (name, resource) in of_type(&resources, TABLE) {
            template.tables.insert(name.clone(), create_table_request(name, resource));
        }
        Ok(template)
    }
}

/// The resources of a type by logical name.
fn of_type<'a>(
    resources: &'a BTreeMap<String, Value>,
    r#type: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resources
        .iter()
        .filter(move |(_, resource)| resource.get("Type").and_then(Value::as_str) == Some(r#type))
}

/// Parses a resource's properties, which override `defaults`.
fn properties<'de, T: Deserialize<'de>>(
    name: &str,
    resource: &Value,
    mut defaults: Map<String, Value>,
) -> Result<T, TemplateError> {
    let own = resource.get("Properties").and_then(Value::as_object).cloned();
    defaults.extend(own.unwrap_or_default());
    T::deserialize(Value::Object(defaults)).map_err(|error| unsupported(name, error.to_string()))
}

/// A scalar as text, as CloudFormation passes it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn unsupported(resource: &str, problem: impl Into<String>) -> TemplateError {
    TemplateError::Unsupported { resource: resource.to_owned(), problem: problem.into() }
}

/// The `CreateTable` request of a table.
fn create_table_request(name: &str, resource: &Value) -> Value {
    const COPIED: [&str; 4] =
        ["AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"];
    let properties = resource.get("Properties").and_then(Value::as_object);
    let mut request: Map<_, _> = properties
        .into_iter()
        .flatten()
        .filter(|(property, _)| COPIED.contains(&property.as_str()))
        .map(|(property, value)| (property.clone(), value.clone()))
        .collect();
    request.insert("TableName".to_owned(), name.into());
    Value::Object(request)
}
