//! Events of any shape, each made of one that is right.

use latchkey_testkit::forge::base64url;
use serde_json::{Value, json, value::RawValue};

use super::{
    Dice,
    bodies::{any_json, body},
    stock::Stock,
};

/// The text of an event like `right`, with more or less of it changed.
pub(crate) fn event_like(right: &Value, dice: &mut Dice, stock: &Stock) -> String {
    let mut event = right.clone();
    if dice.once_in(20) {
        return any_json(dice, 4).to_string();
    }
    if event.get("authorizationToken").is_some() {
        event["authorizationToken"] = format!("Bearer {}", stock.token(dice)).into();
    }
    // Those that are right hold passwords, and hashes take time.
    if !dice.once_in(10) {
        event["body"] = String::from_utf8_lossy(&body(dice, stock)).into();
    }
    if dice.once_in(2) {
        set_credentials(&mut event, dice, stock);
    }
    for _ in 0..dice.below(4) {
        change(&mut event, dice, stock);
    }
    let text = event.to_string();
    let odd = match dice.below(20) {
        // A member twice, half a character, and many levels.
        0 => text.replacen('{', "{\"rawPath\":\"/x\",\"headers\":{\"a\":\"b\",\"a\":\"c\"},", 1),
        1 => text.replacen("\":\"", "\":\"\\ud800", 1),
        2 => {
            let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
            text.replacen(":{", &format!(":{{\"deep\":{deep},"), 1)
        }
        _ => return text,
    };
    // Lambda itself takes nothing but JSON.
    if serde_json::from_str::<&RawValue>(&odd).is_ok() { odd } else { text }
}

/// Tokens in every place that a token may be.
fn set_credentials(event: &mut Value, dice: &mut Dice, stock: &Stock) {
    let value = format!("Bearer {}", stock.token(dice));
    for headers in ["headers", "multiValueHeaders"] {
        let Some(headers) = event.get_mut(headers).and_then(Value::as_object_mut) else { continue };
        let name = *dice.one_of(&["authorization", "Authorization", "AUTHORIZATION"]);
        let is_list = headers.values().any(Value::is_array);
        headers.insert(name.to_owned(), if is_list { json!([value]) } else { json!(value) });
    }
    if event.get("identitySource").is_some() {
        event["identitySource"] = json!([value]);
    }
    if dice.once_in(3) {
        event["cookies"] = json!([format!("__Host-access_token={}", stock.token(dice))]);
    }
    if dice.once_in(3) {
        event["rawQueryString"] = format!("jwt={}", stock.token(dice)).into();
    }
    if dice.once_in(4) {
        let context = any_json(dice, 2);
        if let Some(outer) = event.get_mut("requestContext").and_then(Value::as_object_mut) {
            outer.insert("authorizer".to_owned(), json!({ "lambda": context }));
        }
    }
}

/// Something, somewhere.
fn change(event: &mut Value, dice: &mut Dice, stock: &Stock) {
    let mut places = Vec::new();
    add_places(event, "", &mut places);
    let place = dice.one_of(&places).clone();
    let new: Value = match dice.below(8) {
        0 => stock.token(dice).into(),
        1 => dice.long_text().into(),
        2 => base64url(dice.bytes()).into(),
        3 => dice.text().into(),
        _ => any_json(dice, 3),
    };
    let Some(value) = event.pointer_mut(&place) else { return };
    match dice.below(6) {
        0 => *value = json!([value.take()]),
        1 => {
            if let Some(text) = value.as_str() {
                *value = dice.damage(text).into();
            }
        }
        2 => {
            if let Some(members) = value.as_object_mut() {
                members.insert(dice.text(), new);
            }
        }
        3 => {
            if let Some(members) = value.as_object_mut() {
                let names: Vec<_> = members.keys().cloned().collect();
                if !names.is_empty() {
                    members.remove(dice.one_of(&names));
                }
            }
        }
        _ => *value = new,
    }
}

/// The JSON pointer of every value in `value`, which is at `place` (RFC 6901).
fn add_places(value: &Value, place: &str, places: &mut Vec<String>) {
    places.push(place.to_owned());
    if let Value::Object(members) = value {
        for (name, member) in members {
            let name = name.replace('~', "~0").replace('/', "~1");
            add_places(member, &format!("{place}/{name}"), places);
        }
    }
    if let Value::Array(elements) = value {
        for (index, element) in elements.iter().enumerate() {
            add_places(element, &format!("{place}/{index}"), places);
        }
    }
}
