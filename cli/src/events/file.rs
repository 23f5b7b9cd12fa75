//! The log file of a local stack.

use std::{collections::BTreeMap, fs, io, path::Path};

use latchkey_token::Timestamp;
use serde_json::Value;

use super::{
    event::{Event, Fields, Found, Group, Moment},
    query::{SavedQuery, Term},
};
use crate::{
    connection::{ENDPOINT_FILES, local_address},
    failure::Failure,
};

/// The files, oldest first.
const FILES: [&str; 2] = ["log.1.jsonl", "log.jsonl"];

/// Evaluates a query over the log of the stack with its state in the folder `place`.
pub(super) fn search(
    place: &Path,
    query: SavedQuery,
    more: &[Term<'_>],
    from: Timestamp,
) -> Result<Found, Failure> {
    let terms = query.terms(more);
    let text = read(place)?;
    let events = text
        .lines()
        // A line may be torn.
        .filter_map(parse)
        .filter(|event| event.time.timestamp() >= from)
        .filter(|event| terms.iter().all(|term| term.holds(&event.fields)))
        // Of the events of one moment the last one is the newest.
        .rev();
    Ok(match query.group_by() {
        Some(field) => Found::Groups(field, grouped(events, field)),
        None => Found::Events(events.collect()),
    })
}

fn read(place: &Path) -> Result<String, Failure> {
    let [with_state, memory] = ENDPOINT_FILES.map(|name| place.join(name).exists());
    if local_address(place).is_some() || memory && !with_state {
        return Err(Failure::NoLogInMemory);
    }
    let [previous, current] = FILES.map(|name| place.join(name));
    let text = |path: &Path| fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
    let newer = text(&current)
        .map_err(|error| Failure::NoLog { file: current.display().to_string(), error })?;
    let older = match text(&previous) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => {
            read.map_err(|error| Failure::File { file: previous.display().to_string(), error })?
        }
    };
    Ok([older, newer].join("\n"))
}

fn parse(line: &str) -> Option<Event> {
    let line: BTreeMap<String, Value> = serde_json::from_str(line).ok()?;
    let time = Moment::of_rfc3339(line.get("time")?.as_str()?)?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fields: Fields = line
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), text(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    Some(Event { time, fields })
}

fn grouped(events: impl Iterator<Item = Event>, field: &str) -> Vec<Group> {
    let mut groups = BTreeMap::<String, Group>::new();
    for Event { time, mut fields } in events {
        let Some(key) = fields.remove(field) else { continue };
        groups
            .entry(key.clone())
            .and_modify(|group| {
                group.attempts += 1;
                group.last = group.last.max(time);
            })
            .or_insert(Group { key, attempts: 1, last: time });
    }
    groups.into_values().collect()
}
