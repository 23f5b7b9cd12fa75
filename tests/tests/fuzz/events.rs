//! Random events, each a mutation of a valid one.

use latchkey_testkit::forge::base64url;
use serde_json::{Value, json, value::RawValue};

use super::{
    Random,
    bodies::{any_json, body},
    corpus::Corpus,
};

/// The text of a mutated `valid` event.
pub(crate) fn mutated_event(valid: &Value, random: &mut Random, corpus: &Corpus) -> String {
    let mut event = valid.clone();
    if random.one_in(20) {
        return any_json(random, 4).to_string();
    }
    if event.get("authorizationToken").is_some() {
        event["authorizationToken"] = format!("Bearer {}", corpus.token(random)).into();
    }
    // Few valid bodies, because their passwords are hashed, which is slow.
    if !random.one_in(10) {
        event["body"] = String::from_utf8_lossy(&body(random, corpus)).into();
    }
    if random.one_in(2) {
        set_credentials(&mut event, random, corpus);
    }
    for _ in 0..random.below(4) {
        change(&mut event, random, corpus);
    }
    let text = event.to_string();
    let odd = match random.below(20) {
        // A duplicate member, a lone surrogate, and deep nesting.
        0 => text.replacen('{', "{\"rawPath\":\"/x\",\"headers\":{\"a\":\"b\",\"a\":\"c\"},", 1),
        1 => text.replacen("\":\"", "\":\"\\ud800", 1),
        2 => {
            let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
            text.replacen(":{", &format!(":{{\"deep\":{deep},"), 1)
        }
        _ => return text,
    };
    // Lambda accepts only JSON.
    if serde_json::from_str::<&RawValue>(&odd).is_ok() { odd } else { text }
}

/// Sets tokens in the locations of tokens.
fn set_credentials(event: &mut Value, random: &mut Random, corpus: &Corpus) {
    let value = format!("Bearer {}", corpus.token(random));
    for headers in ["headers", "multiValueHeaders"] {
        let Some(headers) = event.get_mut(headers).and_then(Value::as_object_mut) else { continue };
        let name = *random.one_of(&["authorization", "Authorization", "AUTHORIZATION"]);
        let is_list = headers.values().any(Value::is_array);
        headers.insert(name.to_owned(), if is_list { json!([value]) } else { json!(value) });
    }
    if event.get("identitySource").is_some() {
        event["identitySource"] = json!([value]);
    }
    if random.one_in(3) {
        event["cookies"] = json!([format!("__Host-access_token={}", corpus.token(random))]);
    }
    if random.one_in(3) {
        event["rawQueryString"] = format!("jwt={}", corpus.token(random)).into();
    }
    if random.one_in(4) {
        let context = any_json(random, 2);
        if let Some(outer) = event.get_mut("requestContext").and_then(Value::as_object_mut) {
            outer.insert("authorizer".to_owned(), json!({ "lambda": context }));
        }
    }
}

/// Changes a random value.
fn change(event: &mut Value, random: &mut Random, corpus: &Corpus) {
    let mut pointers = Vec::new();
    add_pointers(event, "", &mut pointers);
    let pointer = random.one_of(&pointers).clone();
    let new: Value = match random.below(8) {
        0 => corpus.token(random).into(),
        1 => random.long_text().into(),
        2 => base64url(random.bytes()).into(),
        3 => random.text().into(),
        _ => any_json(random, 3),
    };
    let Some(value) = event.pointer_mut(&pointer) else { return };
    match random.below(6) {
        0 => *value = json!([value.take()]),
        1 => {
            if let Some(text) = value.as_str() {
                *value = random.damage(text).into();
            }
        }
        2 => {
            if let Some(members) = value.as_object_mut() {
                members.insert(random.text(), new);
            }
        }
        3 => {
            if let Some(members) = value.as_object_mut() {
                let names: Vec<_> = members.keys().cloned().collect();
                if !names.is_empty() {
                    members.remove(random.one_of(&names));
                }
            }
        }
        _ => *value = new,
    }
}

/// Adds the JSON pointers (RFC 6901) of all values in `value`, which is at `pointer`.
fn add_pointers(value: &Value, pointer: &str, pointers: &mut Vec<String>) {
    pointers.push(pointer.to_owned());
    if let Value::Object(members) = value {
        for (name, member) in members {
            let name = name.replace('~', "~0").replace('/', "~1");
            add_pointers(member, &format!("{pointer}/{name}"), pointers);
        }
    }
    if let Value::Array(elements) = value {
        for (index, element) in elements.iter().enumerate() {
            add_pointers(element, &format!("{pointer}/{index}"), pointers);
        }
    }
}
