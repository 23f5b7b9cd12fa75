//! Events as a table and as JSON.

use latchkey_token::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    event::{Event, Found, Group, Moment},
    query::FIELDS,
};
use crate::{format, output};

/// The columns of a table after the time: the name and the field.
const COLUMNS: [(&str, &str); 8] = [
    ("EVENT", "event"),
    ("OUTCOME", "outcome"),
    ("REASON", "reason"),
    ("USER", "user_id"),
    ("ADDRESS", "ip"),
    ("CALLER", "claimed_caller"),
    ("KEY", "key"),
    ("COMMENT", "comment"),
];

/// Columns that only operators' events fill. The others are always shown.
const OPTIONAL: [&str; 3] = ["claimed_caller", "key", "comment"];

pub(super) fn table(found: &Found, now: Timestamp) -> String {
    if found.len() == 0 {
        return "no events\n".to_owned();
    }
    match found {
        Found::Events(events) => events_table(events, now),
        Found::Groups(field, groups) => groups_table(field, groups, now),
    }
}

fn events_table(events: &[Event], now: Timestamp) -> String {
    let is_filled = |field| events.iter().any(|event| event.fields.contains_key(field));
    let is_shown = |field| !OPTIONAL.contains(&field) || is_filled(field);
    let columns = || COLUMNS.iter().filter(|(_, field)| is_shown(*field));
    let header: Vec<_> =
        ["WHEN"].into_iter().chain(columns().map(|(name, _)| *name)).map(str::to_owned).collect();
    let row = |event: &Event| -> Vec<String> {
        let cells = columns().map(|(_, field)| event.fields.get(*field).cloned());
        let cells = cells.map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
        [ago(event.time, now)].into_iter().chain(cells).collect()
    };
    format::columns(&std::iter::once(header).chain(events.iter().map(row)).collect::<Vec<_>>())
}

fn groups_table(field: &str, groups: &[Group], now: Timestamp) -> String {
    let named = COLUMNS.iter().find(|(_, known)| *known == field);
    let name = named.map_or(field, |(name, _)| name);
    let header = [name, "ATTEMPTS", "LAST"].map(str::to_owned);
    let row = |group: &Group| [group.key.clone(), group.attempts.to_string(), ago(group.last, now)];
    format::columns(&std::iter::once(header).chain(groups.iter().map(row)).collect::<Vec<_>>())
}

fn ago(time: Moment, now: Timestamp) -> String {
    format::relative(time.timestamp(), now)
}

pub(super) fn json(found: &Found) -> String {
    let rows: Vec<Value> = match found {
        Found::Events(events) => events.iter().map(event).collect(),
        Found::Groups(field, groups) => groups
            .iter()
            .map(|group| {
                let last = group.last.to_rfc3339();
                json!({ *field: group.key, "attempts": group.attempts, "last": last })
            })
            .collect(),
    };
    output::json(&Value::from(rows))
}

/// The fields that a saved query selects. A local log line may have others.
fn event(event: &Event) -> Value {
    let fields = FIELDS.iter().filter_map(|name| event.fields.get_key_value(*name));
    let fields = fields.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    let time = ("time".to_owned(), json!(event.time.to_rfc3339()));
    Value::Object(fields.chain([time]).collect::<Map<_, _>>())
}
