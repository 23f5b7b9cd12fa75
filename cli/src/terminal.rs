//! Text that a terminal may be shown, whoever wrote it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use serde_json::Value;

/// The text with what would move the cursor, or turn or hide what stands beside it, written as
/// JSON escapes. Within JSON it means the same as before.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_visible(character) {
            safe.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // A `String` takes whatever is written.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

/// JSON over several lines, for people and programs.
pub(crate) fn json(value: &Value) -> String {
    let mut text = String::new();
    // Within strings a line feed is escaped already, so that each of these is the layout's.
    for line in format!("{value:#}").split('\n') {
        text.push_str(&safe(line));
        text.push('\n');
    }
    text
}

/// Prints a line to standard error.
pub(crate) fn say(line: &str) {
    // Nobody is left to be told that it failed.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Control characters, and the format characters of Unicode's bidirectional algorithm, of
/// invisible text and of line breaks.
fn is_visible(character: char) -> bool {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, expected) in [
            ("alice", "alice"),
            ("Zoë 🔑 \"\\", "Zoë 🔑 \"\\"),
            ("\u{1b}[31m", "\\u001b[31m"),
            ("a\nb\r\t\0\u{7f}", "a\\u000ab\\u000d\\u0009\\u0000\\u007f"),
            ("\u{9b}2J", "\\u009b2J"),
            ("\u{202e}txt\u{2066}", "\\u202etxt\\u2066"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(safe(text), expected);
            assert_eq!(safe(expected), expected, "nothing is escaped twice");
        }
    }

    #[test]
    fn escaped_json_says_what_it_said() {
        let value =
            json!({ "a\u{202e}": ["\u{1b}]0;x\u{7}", "\u{9b}", "\u{e0041}", "\n"], "n": 1 });
        let text = json(&value);
        let escapes = |character: char| character != '\n' && !is_visible(character);
        assert!(!text.contains(escapes), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.lines().count() > 5, "it is laid out");
    }
}
