//! Log lines in JSON.

use std::fmt::{self, Write as _};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The level of a log line; Lambda's names and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For debugging.
    Debug,
    /// Normal operation.
    Info,
    /// Something odd.
    Warn,
    /// A fault.
    Error,
    /// The end of the process.
    Fatal,
}

/// A line that is a JSON object, with its members in their order.
#[derive(Debug)]
pub(crate) struct JsonLine(Vec<(String, Value)>);

impl JsonLine {
    /// `None` for a line that is no JSON object.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The level by which Lambda filters: INFO for a line without a level or without its time, which
    /// the functions do not write.
    pub(super) fn level(&self) -> LogLevel {
        let is_time = |time| OffsetDateTime::parse(time, &Rfc3339).is_ok();
        let level = self.text("level").filter(|_| self.text("timestamp").is_some_and(is_time));
        level
            .and_then(|level| serde_json::from_value(level.to_uppercase().into()).ok())
            .unwrap_or(LogLevel::Info)
    }

    /// The line as the functions write it in the text format: level, target, message, fields.
    pub(super) fn readable(&self) -> String {
        let mut text = format!("{:>5}", self.text("level").unwrap_or_default());
        if let Some(target) = self.text("target") {
            text.extend([" ", target, ":"]);
        }
        if let Some(message) = self.text("message") {
            text.extend([" ", message]);
        }
        for (name, value) in &self.0 {
            // Writing to a `String` cannot fail.
            let _ = match value.as_str() {
                Some(_) if ["level", "target", "message"].contains(&name.as_str()) => continue,
                Some(value) => write!(text, " {name}={value:?}"),
                None => write!(text, " {name}={value}"),
            };
        }
        text.replace(char::is_control, " ")
    }

    /// The line as an entry of the log file, with the members `time` and `function`.
    pub(super) fn entry(&self, time: &str, function: &str) -> String {
        let added = [("time", json!(time)), ("function", json!(function))];
        let is_own = |name: &str| added.iter().all(|(added, _)| *added != name);
        let own = self.0.iter().filter(|(name, _)| is_own(name));
        let own = own.map(|(name, value)| (name.as_str(), value));
        let members = added.iter().map(|(name, value)| (*name, value)).chain(own);
        let members: Vec<_> =
            members.map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
        format!("{{{}}}\n", members.join(","))
    }

    fn text(&self, name: &str) -> Option<&str> {
        let member = self.0.iter().find(|(member, _)| member == name);
        member.and_then(|(_, value)| value.as_str())
    }
}

/// A map of `serde_json` would sort the members.
impl<'de> Deserialize<'de> for JsonLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = JsonLine;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonLine, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(JsonLine(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> JsonLine {
        JsonLine::parse(text).unwrap()
    }

    #[test]
    fn only_objects_are_json_lines() {
        for text in ["", "text", "1", "\"x\"", "[]", "{", "{} x", r#"{"a":1"#] {
            assert!(JsonLine::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_line_without_a_valid_level_or_time_counts_as_info() {
        let time = "2026-11-02T16:51:31.587199Z";
        for (level, timestamp, expected) in [
            (json!("TRACE"), json!(time), LogLevel::Trace),
            (json!("debug"), json!(time), LogLevel::Debug),
            (json!("WARN"), json!(time), LogLevel::Warn),
            (json!("Error"), json!(time), LogLevel::Error),
            (json!("FATAL"), json!(time), LogLevel::Fatal),
            (json!("NOTICE"), json!(time), LogLevel::Info),
            (json!(4), json!(time), LogLevel::Info),
            (json!("ERROR"), json!("yesterday"), LogLevel::Info),
            (json!("ERROR"), json!(1_700_000_000), LogLevel::Info),
        ] {
            let text = json!({ "level": level, "timestamp": timestamp }).to_string();
            assert_eq!(line(&text).level(), expected, "{text}");
        }
        for text in ["{}", r#"{"level":"ERROR"}"#, r#"{"timestamp":"2026-11-02T16:51:31Z"}"#] {
            assert_eq!(line(text).level(), LogLevel::Info, "{text}");
        }
    }

    #[test]
    fn a_json_line_is_readable_in_the_order_of_its_members() {
        for (text, expected) in [
            (
                r#"{"level":"INFO","event":"login","outcome":"success","ip":"127.0.0.1","target":"audit"}"#,
                r#" INFO audit: event="login" outcome="success" ip="127.0.0.1""#,
            ),
            (
                r#"{"level":"ERROR","message":"request failed","route":"login","code":503,"target":"login"}"#,
                r#"ERROR login: request failed route="login" code=503"#,
            ),
            (r#"{"level":"WARN","message":"a\nb\u001b[2J"}"#, " WARN a b [2J"),
            (
                r#"{"z":"a \"b\"\n\u202e","a":{"b":[null]}}"#,
                r#"      z="a \"b\"\n\u{202e}" a={"b":[null]}"#,
            ),
            (r#"{"level":3,"message":true}"#, "      level=3 message=true"),
        ] {
            assert_eq!(line(text).readable(), expected);
        }
    }

    #[test]
    fn an_entry_has_the_time_and_the_function_once() {
        let text = r#"{"b":"x\ny","time":"never","a":1.5,"function":"other"}"#;
        let expected = "{\"time\":\"now\",\"function\":\"login\",\"b\":\"x\\ny\",\"a\":1.5}\n";
        assert_eq!(line(text).entry("now", "login"), expected);
        let empty = "{\"time\":\"now\",\"function\":\"login\"}\n";
        assert_eq!(line("{}").entry("now", "login"), empty);
    }
}
