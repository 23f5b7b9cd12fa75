//! `template.yaml`: functions, routes, authorizers, tables.

mod intrinsics;
mod properties;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use intrinsics::Parameters;
use properties::{ApiProperties, EventSource, FunctionProperties};

/// Why a template cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The text is not YAML.
    #[error("the template is not YAML: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// A reference or function of the template has no value here.
    #[error("the template cannot be resolved: {0}")]
    Unresolved(String),
    /// A resource is incomplete, or needs something that is not emulated.
    #[error("{resource}: {problem}")]
    Unsupported {
        /// The resource's logical name.
        resource: String,
        /// The problem.
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
    /// The tables by logical name, as `CreateTable` requests. Tables with a false condition are included:
    /// static keys of a Flask service need one.
    pub tables: BTreeMap<String, Value>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name: `FunctionName`, or the logical name.
    pub name: String,
    /// Its binary.
    pub binary: String,
    /// Its memory in MB.
    pub memory: u64,
    /// Its time limit in seconds.
    pub timeout: u64,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// Its permissions.
    pub permissions: Vec<Permission>,
}

/// A permission of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// The attributes that the call may name; `None` for any.
    pub attributes: Option<BTreeSet<String>>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRoute {
    /// The method, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`.
    pub path: String,
    /// The logical name of its function.
    pub function: String,
    /// The name of its authorizer.
    pub authorizer: Option<String>,
}

/// A Lambda authorizer with format 2.0 and simple answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAuthorizer {
    /// The logical name of its function.
    pub function: String,
    /// The identity sources; a request without one of these headers is refused with 401.
    pub headers: Vec<String>,
    /// For how many seconds a decision is reused.
    pub cache_seconds: u64,
}

/// The API's CORS settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Cors {
    /// The origins that may call.
    pub allow_origins: Vec<String>,
    /// The headers that a page may send.
    pub allow_headers: Vec<String>,
    /// The methods that a page may use.
    pub allow_methods: Vec<String>,
    /// The headers of an answer that a page may read.
    #[serde(default)]
    pub expose_headers: Vec<String>,
    /// For how many seconds a browser may remember the answer.
    pub max_age: u64,
    /// Whether pages may send cookies.
    #[serde(default)]
    pub allow_credentials: bool,
}

const TABLE: &str = "AWS::DynamoDB::Table";

impl Template {
    /// Reads a template with these values for its parameters, and their defaults for the rest.
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
                let problem = "only authorizers with format 2.0 and simple answers are emulated";
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
                        let problem = format!("event {event} names no authorizer");
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

/// A resource's properties over the defaults of its type.
fn properties<'de, T: Deserialize<'de>>(
    name: &str,
    resource: &Value,
    mut defaults: Map<String, Value>,
) -> Result<T, TemplateError> {
    let own = resource.get("Properties").and_then(Value::as_object).cloned();
    defaults.extend(own.unwrap_or_default());
    T::deserialize(Value::Object(defaults)).map_err(|error| unsupported(name, error.to_string()))
}

/// A scalar as CloudFormation passes it on: as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn unsupported(resource: &str, problem: impl Into<String>) -> TemplateError {
    TemplateError::Unsupported { resource: resource.to_owned(), problem: problem.into() }
}

/// The part of a table's properties that `CreateTable` takes.
fn create_table_request(name: &str, resource: &Value) -> Value {
    const TAKEN: [&str; 4] =
        ["AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"];
    let properties = resource.get("Properties").and_then(Value::as_object);
    let mut request: Map<_, _> = properties
        .into_iter()
        .flatten()
        .filter(|(property, _)| TAKEN.contains(&property.as_str()))
        .map(|(property, value)| (property.clone(), value.clone()))
        .collect();
    request.insert("TableName".to_owned(), name.into());
    Value::Object(request)
}
