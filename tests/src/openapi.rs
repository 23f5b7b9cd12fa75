//! Validates every answer of a stack against `docs/openapi.yaml`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test helpers panic"
)]

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::repository::read;

/// Statuses that the gateway itself answers on any route, which the document does not describe.
const GATEWAY_STATUSES: [u16; 5] = [404, 413, 431, 500, 503];

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_yaml_ng::from_str(&read("docs/openapi.yaml")).unwrap());

/// The parsed document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// A request to a stack and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The request method.
    pub method: &'a Method,
    /// The request path without the base path.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// The headers of the answer.
    pub headers: &'a HeaderMap,
    /// The body of the answer.
    pub body: &'a [u8],
    /// `JWT_ERROR_MESSAGE_KEY`: the member with the message of an error.
    pub message_key: &'a str,
}

impl Exchange<'_> {
    /// Panics unless the document describes the answer.
    #[track_caller]
    pub fn check(&self) {
        let mut body: Option<Value> = serde_json::from_slice(self.body).ok();
        if self.is_gateway_answer(body.as_ref()) {
            return;
        }
        if self.status >= 400
            && let Some(Value::Object(members)) = &mut body
            && let Some(message) = members.remove(self.message_key)
        {
            members.insert("msg".to_owned(), message);
        }
        let problem = self.problem(body.as_ref());
        assert!(problem.is_none(), "docs/openapi.yaml: {}: {self:?}", problem.unwrap_or_default());
    }

    /// Whether the gateway answered: a preflight, or an error without a function or authorizer.
    fn is_gateway_answer(&self, body: Option<&Value>) -> bool {
        let members = body.and_then(Value::as_object);
        let is_message =
            members.is_some_and(|members| members.keys().eq(["message"].iter().copied()));
        self.method == Method::OPTIONS
            || GATEWAY_STATUSES.contains(&self.status)
                && (is_message || self.method == Method::HEAD)
    }

    fn problem(&self, body: Option<&Value>) -> Option<String> {
        let Some(path) = path_of(self.path) else { return Some("unknown path".to_owned()) };
        let method = self.method.as_str().to_lowercase();
        let response = format!("/paths/{}/{method}/responses/{}", escaped(path), self.status);
        let Some((pointer, response)) = resolve(&response) else {
            return Some("unknown response".to_owned());
        };
        for (name, header) in members(&response["headers"]) {
            let schema = &resolve_value(header)["schema"];
            for value in self.headers.get_all(name) {
                let value = json!(value.to_str().unwrap());
                let validator = jsonschema::validator_for(schema).unwrap();
                if let Err(error) = validator.validate(&value) {
                    return Some(format!("header {name}: {error}"));
                }
            }
            if resolve_value(header)["required"] == true && !self.headers.contains_key(name) {
                return Some(format!("missing header {name}"));
            }
        }
        let has_content = self.body.iter().any(|byte| !byte.is_ascii_whitespace());
        if !response["content"].is_object() || self.method == Method::HEAD {
            return has_content.then(|| "unexpected body".to_owned());
        }
        if self.headers.get("content-type").is_none_or(|kind| kind != "application/json") {
            return Some("not application/json".to_owned());
        }
        let Some(body) = body else { return Some("the body is not JSON".to_owned()) };
        let schema = format!("{pointer}/content/application~1json/schema");
        let error = validator(&schema).validate(body).err()?;
        Some(format!("{error} at {}", error.instance_path()))
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn escaped(path: &str) -> String {
    path.replace('~', "~0").replace('/', "~1")
}

/// The path template of the document that matches a request path.
fn path_of(path: &str) -> Option<&'static str> {
    let matches = |template: &str| {
        let (mut wanted, mut given) = (template.split('/'), path.split('/'));
        wanted.by_ref().zip(given.by_ref()).all(|(wanted, given)| {
            wanted == given || (wanted.starts_with('{') && !given.is_empty())
        }) && template.split('/').count() == path.split('/').count()
    };
    members(&DOCUMENT["paths"]).map(|(path, _)| path).find(|template| matches(template))
}

/// Pointer and value, with a `$ref` resolved.
fn resolve(pointer: &str) -> Option<(String, &'static Value)> {
    let value = DOCUMENT.pointer(pointer)?;
    match value["$ref"].as_str() {
        Some(reference) => resolve(reference.strip_prefix('#').unwrap()),
        None => Some((pointer.to_owned(), value)),
    }
}

fn resolve_value(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => resolve(reference.strip_prefix('#').unwrap()).expect(reference).1,
        None => value,
    }
}

/// A validator for the schema at a pointer. Undescribed members are errors.
fn validator(pointer: &str) -> Arc<Validator> {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> =
        LazyLock::new(Mutex::default);
    let mut validators = VALIDATORS.lock().unwrap();
    let make = || {
        let mut schema = DOCUMENT.clone();
        schema["$ref"] = format!("#{pointer}").into();
        schema["unevaluatedProperties"] = false.into();
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(&schema);
        Arc::new(validator.unwrap_or_else(|error| panic!("{pointer}: {error}")))
    };
    Arc::clone(validators.entry(pointer.to_owned()).or_insert_with(make))
}
