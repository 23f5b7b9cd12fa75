//! Functions with the sample events in `events/` and with malformed ones.
#![cfg(test)]

use std::{collections::BTreeMap, fs, time::Duration};

use latchkey_testkit::{dynamodb, template};
use latchkey_tests::{sandbox, stack::workspace};
use local::{
    sandbox::Sandbox,
    template::{Function, Template},
};
use serde_json::{Value, json};

/// The events by file name, which begins with the function's name.
fn events() -> BTreeMap<String, Value> {
    let files = fs::read_dir(workspace().join("events")).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let event = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), event)
        })
        .collect()
}

/// The function's name in the name of an event.
fn function_of(event: &str) -> &str {
    event.split('-').next().unwrap()
}

fn function<'a>(template: &'a Template, event: &str) -> &'a Function {
    let binary = function_of(event);
    template.functions.values().find(|function| function.binary == binary).unwrap()
}

async fn invoke(sandbox: &mut Sandbox, event: &str) -> Value {
    let answer = sandbox.invoke(event.to_owned().into(), Duration::from_secs(10)).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_event_is_answered_by_its_function() {
    let (template, endpoint) = (template(), dynamodb().await);
    let deny = json!("Deny");
    // `admin` needs KMS; its own tests have one.
    for (name, event) in events().into_iter().filter(|(name, _)| function_of(name) != "admin") {
        let mut sandbox = sandbox::start(function(&template, &name), &endpoint, &|_| None);
        let answer = invoke(&mut sandbox, &event.to_string()).await;
        let expected = match name.as_str() {
            "signup" | "workitems-add" => json!(201),
            "login" | "protected-optional" => json!(200),
            // The sample tokens are placeholders.
            _ if ["account", "logout", "password", "protected", "refresh"]
                .contains(&function_of(&name)) =>
            {
                json!(401)
            }
            "workitems-remove" => json!(204),
            "authorizer" => json!(false),
            _ if name.starts_with("authorizer-") => deny.clone(),
            _ => json!(200),
        };
        let found = [
            answer.get("statusCode"),
            answer.get("isAuthorized"),
            answer.pointer("/policyDocument/Statement/0/Effect"),
        ];
        // Alphabetical order has `login` before `signup`.
        if name == "login" {
            assert_eq!(answer["statusCode"], 401, "{answer}");
            let mut sign_up = sandbox::start(function(&template, "signup"), &endpoint, &|_| None);
            invoke(&mut sign_up, &events()["signup"].to_string()).await;
            let answer = invoke(&mut sandbox, &event.to_string()).await;
            assert_eq!(answer["statusCode"], expected, "{answer}");
        } else if name == "signup" {
            assert_eq!(answer["statusCode"], 409, "signed up above: {answer}");
        } else {
            assert_eq!(found.into_iter().flatten().next(), Some(&expected), "{name}: {answer}");
        }
    }
}

#[test]
fn every_function_has_a_sample_event() {
    let events = events();
    for function in template().functions.values() {
        let is_its_own = |name: &String| function_of(name) == function.binary;
        assert!(events.keys().any(is_its_own), "{}", function.binary);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_events_are_answered_and_the_process_survives() {
    let (template, endpoint) = (template(), dynamodb().await);
    let events = events();
    let edited = |name: &str, pointer: &str, value: Value| {
        let mut event = events[name].clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event.to_string()
    };
    let is_called_by_the_gateway = |f: &&Function| !["authorizer", "admin"].contains(&&*f.binary);
    for function in template.functions.values().filter(is_called_by_the_gateway) {
        let mut sandbox = sandbox::start(function, &endpoint, &|_| None);
        let process = sandbox.process_id();
        let own = events.keys().find(|name| function_of(name) == function.binary);
        let own = own.unwrap();
        let mut encoded = events[own].clone();
        encoded["isBase64Encoded"] = true.into();
        encoded["body"] = "!not base64!".into();
        for event in [
            "null",
            "[]",
            "{}",
            "7",
            "\"x\"",
            "true",
            r#"{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}"#,
            r#"{"version":"1.0","httpMethod":"POST","path":"/login","headers":null,"body":"{}"}"#,
            &edited(own, "/requestContext/http/method", json!("G T")),
            &edited(own, "/rawPath", json!("no slash")),
            &encoded.to_string(),
        ] {
            let answer = invoke(&mut sandbox, event).await;
            assert_eq!(answer["statusCode"], 400, "{} {event:.80}: {answer}", function.binary);
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["error"], "invalid_request", "{answer}");
        }
        // Headers that the functions do not read, and on which `lambda_http` panics.
        for (header, value) in [("host", ":::"), ("x-forwarded-proto", "\u{fc}://"), ("host", "")] {
            let mut event = events[own].clone();
            event["headers"][header] = value.into();
            let answer = invoke(&mut sandbox, &event.to_string()).await;
            assert!(
                answer["statusCode"].is_u64(),
                "{} {header} {value}: {answer}",
                function.binary
            );
            assert!(answer["statusCode"].as_u64() < Some(500), "{answer}");
        }
        // Malformed members that do not affect the answer.
        let usual = invoke(&mut sandbox, &events[own].to_string()).await;
        let odd_headers = json!({ "x\u{0}": "y", "host": "a b\u{7f}c", "x-null": null, "x-7": 7 });
        for (pointer, value) in [
            ("/cookies", json!(["a=\u{1}", null, 7, {}])),
            ("/cookies", json!("none")),
            ("/queryStringParameters", json!(7)),
            ("/requestContext/http/sourceIp", Value::Null),
            ("/requestContext/domainName", json!(["x"])),
            ("/stageVariables", json!([null])),
        ] {
            let mut event = events[own].clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            event.pointer_mut(parent).unwrap()[name] = value;
            for (name, value) in odd_headers.as_object().unwrap() {
                event["headers"][name] = value.clone();
            }
            let answer = invoke(&mut sandbox, &event.to_string()).await;
            let (expected, status) = (&usual["statusCode"], &answer["statusCode"]);
            let repeated = ["201", "409"].map(str::to_owned).contains(&status.to_string());
            assert!(expected == status || repeated, "{pointer} {}: {answer}", function.binary);
        }
        assert_eq!(sandbox.process_id(), process);
        assert!(sandbox.is_alive());
        sandbox.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_event_is_an_error_and_the_process_survives() {
    let (template, endpoint) = (template(), dynamodb().await);
    for function in template.functions.values() {
        let mut sandbox = sandbox::start(function, &endpoint, &|_| None);
        let refused = sandbox.invoke("".into(), Duration::from_secs(10)).await;
        let failed = matches!(refused, Err(local::sandbox::InvokeError::Failed(_)));
        assert!(failed, "{refused:?}");
        // `admin` reports a refusal as an error; functions of the gateway answer it.
        let answer = sandbox.invoke("null".into(), Duration::from_secs(10)).await;
        assert_eq!(answer.is_ok(), function.binary != "admin", "{answer:?}");
        assert!(sandbox.is_alive());
        sandbox.stop().await;
    }
}
