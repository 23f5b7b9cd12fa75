//! Output of commands, escaped for a terminal.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    process::ExitCode,
};

use serde_json::Value;

use crate::{caller::variable, failure::Failure};

/// The result of a command.
pub(crate) struct CommandOutput {
    /// The text for standard output.
    pub(crate) text: String,
    /// False for an invalid token: exit code 1.
    pub(crate) is_success: bool,
}

impl CommandOutput {
    pub(crate) fn print(&self) -> Result<ExitCode, Failure> {
        print(&self.text)?;
        Ok(if self.is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl From<String> for CommandOutput {
    fn from(text: String) -> Self {
        Self { text, is_success: true }
    }
}

/// Writes to standard output. False if its reader, such as `head`, has closed the pipe.
pub(crate) fn print(text: &str) -> Result<bool, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::Output(error)),
    }
}

/// Whether an output shows colours.
#[derive(Clone, Copy)]
pub(crate) struct Colours(bool);

impl Colours {
    /// A terminal shows them, unless `NO_COLOR` is set or the terminal has none.
    pub(crate) fn of(output: &impl IsTerminal) -> Self {
        let is_refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty())
            || variable("TERM").is_some_and(|terminal| terminal == "dumb");
        Self(output.is_terminal() && !is_refused)
    }

    /// A line in red.
    pub(crate) fn warning(self, line: &str) -> String {
        if self.0 { format!("\u{1b}[31m{line}\u{1b}[0m") } else { line.to_owned() }
    }
}

/// Replaces control, bidirectional and invisible characters by JSON escapes. The meaning of JSON does
/// not change.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_visible(character) {
            safe.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// JSON on one line.
pub(crate) fn json_line(value: &Value) -> String {
    safe(&value.to_string()) + "\n"
}

/// Pretty-printed JSON.
pub(crate) fn json(value: &Value) -> String {
    let mut text = String::new();
    // Line feeds in strings are escaped, so these are all layout.
    for line in format!("{value:#}").split('\n') {
        text.push_str(&safe(line));
        text.push('\n');
    }
    text
}

/// Prints a line to standard error.
pub(crate) fn say(line: &str) {
    // There is no other place to report a failure.
    let _ = writeln!(io::stderr(), "{line}");
}

/// False for control characters and for Unicode's bidirectional, invisible and line-breaking format
/// characters.
pub(crate) fn is_visible(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
