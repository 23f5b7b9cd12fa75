//! Events as a table and as JSON.

use latchkey_token::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    event::{Event, Found, Group, Moment},
    query::FIELDS,
};
use crate::{format, output};

const CALLER: &str = "claimed_caller";

/// The columns of a table after the time: the name and the field.
const COLUMNS: [(&str, &str); 6] = [
    ("EVENT", "event"),
    ("OUTCOME", "outcome"),
    ("REASON", "reason"),
    ("USER", "user_id"),
    ("ADDRESS", "ip"),
    ("CALLER", CALLER),
];

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
    let has_caller = events.iter().any(|event| event.fields.contains_key(CALLER));
    let columns = || COLUMNS.iter().filter(|(_, field)| has_caller || *field != CALLER);
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
