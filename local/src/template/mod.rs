//! `template.yaml`, as far as it decides what happens: functions, routes, authorizers, data.

mod intrinsics;
mod properties;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

pub use intrinsics::Parameters;
use properties::{ApiProperties, FunctionProperties, RouteProperties, properties};

/// Why a template cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The text is not YAML.
    #[error("the template is not YAML: {0}")]
    Yaml(#[from] serde_yaml_ng::Error),
    /// A reference or function of the template has no value here.
    #[error("the template cannot be resolved: {0}")]
    Unresolved(String),
    /// A resource lacks something, or asks for something that is not emulated.
    #[error("{resource}: {problem}")]
    Unsupported {
        /// The resource's logical name.
        resource: String,
        /// What is the matter.
        problem: String,
    },
}

/// A template with every reference resolved.
#[derive(Clone, Debug)]
pub struct Template {
    /// The functions by logical name.
    pub functions: BTreeMap<String, Function>,
    /// The routes of the API.
    pub routes: Vec<Route>,
    /// The authorizers of the API by name.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// Who may call from a web page.
    pub cors: Option<Cors>,
    /// The tables by logical name, as `CreateTable` requests, those of conditions that are false too:
    /// a table costs nothing here, and static keys of a Flask service need one.
    pub tables: BTreeMap<String, Value>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name that it is called by: its own, or the resource's.
    pub name: String,
    /// The binary that it runs.
    pub binary: String,
    /// Its memory in MB.
    pub memory: u64,
    /// Its time limit in seconds.
    pub timeout: u64,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
    /// What it may do.
    pub permissions: Vec<Permission>,
}

/// What a function may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// The attributes of an item that the call may name; `None` for any.
    pub attributes: Option<BTreeSet<String>>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`.
    pub path: String,
    /// The logical name of the function that answers.
    pub function: String,
    /// The name of the authorizer that is asked first.
    pub authorizer: Option<String>,
}

/// A Lambda authorizer with format 2.0 and simple answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The logical name of the function that decides.
    pub function: String,
    /// The headers that identify a caller; without one of them the answer is 401.
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

const NO_AUTHORIZER: &str = "NONE";
const TABLE: &str = "AWS::DynamoDB::Table";

impl Template {
    /// Reads a template with these values for its parameters, and their defaults for the rest.
    ///
    /// # Errors
    /// Every variant of [`TemplateError`].
    pub fn parse(text: &str, parameters: &Parameters) -> Result<Self, TemplateError> {
        let document = yaml::to_json(serde_yaml_ng::from_str(text)?)?;
        let resources = intrinsics::resolve_resources(&document, parameters)?;
        let globals = document.pointer("/Globals/Function").cloned().unwrap_or_default();
        let mut template = Self {
            functions: BTreeMap::new(),
            routes: Vec::new(),
            authorizers: BTreeMap::new(),
            cors: None,
            tables: BTreeMap::new(),
        };
        let mut default_authorizer = None;
        for (name, resource) in of_type(&resources, "AWS::Serverless::HttpApi") {
            let api: ApiProperties = properties(name, resource, &Value::Null)?;
            template.cors = api.cors_configuration;
            default_authorizer = api.auth.default_authorizer;
            for (authorizer, settings) in api.auth.authorizers {
                template.authorizers.insert(authorizer, settings.check(name)?);
            }
        }
        for (name, resource) in of_type(&resources, "AWS::Serverless::Function") {
            let function: FunctionProperties = properties(name, resource, &globals)?;
            template.add_routes(name, &function, default_authorizer.as_ref())?;
            template.functions.insert(name.clone(), function.finish(name, resource)?);
        }
        for (name, resource) in of_type(&resources, TABLE) {
            template.tables.insert(name.clone(), create_table_request(name, resource));
        }
        Ok(template)
    }

    fn add_routes(
        &mut self,
        name: &str,
        function: &FunctionProperties,
        default_authorizer: Option<&String>,
    ) -> Result<(), TemplateError> {
        for (event, source) in &function.events {
            match source.r#type.as_str() {
                "HttpApi" => {}
                // Nothing here runs for a day.
                "Schedule" => continue,
                other => {
                    let problem = format!("event {event} is a {other}, not an HttpApi");
                    return Err(unsupported(name, problem));
                }
            }
            let source: RouteProperties = source
                .route()
                .map_err(|problem| unsupported(name, format!("event {event}: {problem}")))?;
            let authorizer = match source.auth.authorizer.as_deref() {
                Some(NO_AUTHORIZER) => None,
                Some(chosen) => Some(chosen.to_owned()),
                None => default_authorizer.cloned(),
            };
            if authorizer.as_ref().is_some_and(|used| !self.authorizers.contains_key(used)) {
                return Err(unsupported(name, format!("event {event} names no authorizer")));
            }
            self.routes.push(Route {
                method: source.method.to_uppercase(),
                path: source.path.clone(),
                function: name.to_owned(),
                authorizer,
            });
        }
        Ok(())
    }
}

/// The resources of a kind by logical name.
fn of_type<'a>(
    resources: &'a BTreeMap<String, Value>,
    kind: &'a str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    resources
        .iter()
        .filter(move |(_, resource)| resource.get("Type").and_then(Value::as_str) == Some(kind))
}

/// A scalar as CloudFormation passes it on: as text.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn unsupported(resource: &str, problem: String) -> TemplateError {
    TemplateError::Unsupported { resource: resource.to_owned(), problem }
}

/// The part of a table's properties that `CreateTable` takes.
fn create_table_request(name: &str, resource: &Value) -> Value {
    const TAKEN: [&str; 4] =
        ["AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes"];
    let properties = resource.get("Properties").and_then(Value::as_object);
    let mut request: serde_json::Map<_, _> = properties
        .into_iter()
        .flatten()
        .filter(|(property, _)| TAKEN.contains(&property.as_str()))
        .map(|(property, value)| (property.clone(), value.clone()))
        .collect();
    request.insert("TableName".to_owned(), name.into());
    Value::Object(request)
}

#[cfg(test)]
mod tests;
