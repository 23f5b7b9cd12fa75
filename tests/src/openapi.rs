//! `docs/openapi.yaml`, against which every answer of a stack is validated.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test's tools fail the test"
)]

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};

use crate::repository::read;

/// Statuses that the gateway answers itself, of any route and outside of the document.
const OF_THE_GATEWAY: [u16; 5] = [404, 413, 431, 500, 503];

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_yaml_ng::from_str(&read("docs/openapi.yaml")).unwrap());

/// The document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// What a stack answered to a request.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// The path of the request, without a base path.
    pub path: &'a str,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// The member that holds the sentence of an error.
    pub message_key: &'a str,
}

impl Exchange<'_> {
    /// Fails the test unless the document describes the answer.
    #[track_caller]
    pub fn check(&self) {
        let mut body: Option<Value> = serde_json::from_slice(self.body).ok();
        if self.is_of_the_gateway(body.as_ref()) {
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

    /// Preflights, and refusals before a function or an authorizer is asked.
    fn is_of_the_gateway(&self, body: Option<&Value>) -> bool {
        let members = body.and_then(Value::as_object);
        let is_message =
            members.is_some_and(|members| members.keys().eq(["message"].iter().copied()));
        self.method == Method::OPTIONS
            || OF_THE_GATEWAY.contains(&self.status) && (is_message || self.method == Method::HEAD)
    }

    fn problem(&self, body: Option<&Value>) -> Option<String> {
        let Some(path) = path_of(self.path) else { return Some("no such path".to_owned()) };
        let method = self.method.as_str().to_lowercase();
        let response = format!("/paths/{}/{method}/responses/{}", escaped(path), self.status);
        let Some((pointer, response)) = resolve(&response) else {
            return Some("no such response".to_owned());
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
                return Some(format!("there is no header {name}"));
            }
        }
        let has_content = self.body.iter().any(|byte| !byte.is_ascii_whitespace());
        if !response["content"].is_object() || self.method == Method::HEAD {
            return has_content.then(|| "there is a body".to_owned());
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

/// The path of the document that a request's path matches.
fn path_of(path: &str) -> Option<&'static str> {
    let matches = |template: &str| {
        let (mut wanted, mut given) = (template.split('/'), path.split('/'));
        wanted.by_ref().zip(given.by_ref()).all(|(wanted, given)| {
            wanted == given || (wanted.starts_with('{') && !given.is_empty())
        }) && template.split('/').count() == path.split('/').count()
    };
    members(&DOCUMENT["paths"]).map(|(path, _)| path).find(|template| matches(template))
}

/// What stands at a pointer, or at the one that it refers to.
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

/// A validator by the schema at a pointer. A member that is not described is an error.
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
