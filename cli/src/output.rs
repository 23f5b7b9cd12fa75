//! Output of commands, escaped for a terminal.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::Value;

use crate::failure::Failure;

/// The result of a command.
pub(crate) struct CommandOutput {
    /// The text for standard output.
    pub(crate) text: String,
    /// False for an invalid token: exit code 1.
    pub(crate) is_success: bool,
}

impl CommandOutput {
    pub(crate) fn print(&self) -> Result<ExitCode, Failure> {
        let mut output = io::stdout().lock();
        match output.write_all(self.text.as_bytes()).and_then(|()| output.flush()) {
            // A reader such as `head` may close the pipe early.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            Ok(()) | Err(_) if self.is_success => Ok(ExitCode::SUCCESS),
            Ok(()) | Err(_) => Ok(ExitCode::FAILURE),
        }
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
