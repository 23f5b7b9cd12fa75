//! The log lines of the stack and its functions.

mod file;
mod json;

use std::sync::Arc;

pub use file::LogFile;
pub use json::LogLevel;

use json::JsonLine;

/// How a function logs, and what happens to its lines. The default prints lines of text.
#[derive(Clone, Debug, Default)]
pub struct FunctionLog {
    /// Whether the function is to log JSON.
    pub is_json: bool,
    /// JSON lines below this level are dropped.
    pub lowest: Option<LogLevel>,
    /// How the other lines are printed.
    pub printing: Printing,
    /// The file that JSON lines are appended to.
    pub file: Option<Arc<LogFile>>,
}

/// How log lines are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Printing {
    /// As they are.
    #[default]
    Unchanged,
    /// JSON lines as text for people, other lines as they are.
    Readable,
    /// Not at all.
    Nothing,
}

impl FunctionLog {
    /// The log of a function whose template has this lowest level, which is `None` for a log of text.
    /// `given` is `AWS_LAMBDA_LOG_FORMAT` in the environment of this process, which overrides the
    /// template.
    pub fn new(lowest: Option<LogLevel>, given: Option<&str>, file: Option<Arc<LogFile>>) -> Self {
        let is_json = given.map_or(lowest.is_some(), is_json);
        let printing = if given.is_some() { Printing::Unchanged } else { Printing::Readable };
        Self { is_json, lowest: lowest.filter(|_| is_json), printing, file }
    }

    /// The value of `AWS_LAMBDA_LOG_FORMAT`.
    pub(crate) const fn format(&self) -> &'static str {
        if self.is_json { "JSON" } else { "Text" }
    }

    /// Drops a line of a function as Lambda would, or else stores and prints it.
    pub(crate) fn take(&self, function: &str, text: &str) {
        let json = JsonLine::parse(text);
        if let Some(json) = &json {
            if self.lowest.is_some_and(|lowest| json.level() < lowest) {
                return;
            }
            if let Some(file) = &self.file {
                file.append(function, json);
            }
        }
        match (self.printing, json) {
            (Printing::Nothing, _) => {}
            (Printing::Readable, Some(json)) => line(function, &json.readable()),
            (Printing::Readable, None) | (Printing::Unchanged, _) => line(function, text),
        }
    }
}

/// Whether a value of `AWS_LAMBDA_LOG_FORMAT` means JSON, as the functions read it.
pub(crate) fn is_json(format: &str) -> bool {
    format.eq_ignore_ascii_case("json")
}

/// Prints a log line with the name of its source.
#[expect(clippy::print_stdout, reason = "log lines go to the terminal of `make dev`")]
pub(crate) fn line(source: &str, text: &str) {
    println!("{source:>12} | {text}");
}
