//! Confirmation of what cannot be undone.

use std::io::{self, BufRead, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Fails if standard input or standard error is not a terminal.
pub(crate) fn require_terminal() -> Result<(), Failure> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    if is_terminal { Ok(()) } else { Err(Failure::NoTerminal) }
}

/// Asks the user to type `expected`, so that one wrong key press does nothing.
pub(crate) fn confirm(
    question: &str,
    expected: &str,
    mut input: impl BufRead,
) -> Result<(), Failure> {
    let mut output = io::stderr();
    let written = output.write_all(question.as_bytes()).and_then(|()| output.flush());
    written.map_err(Failure::Output)?;
    let mut typed = String::new();
    input.read_line(&mut typed).map_err(Failure::Input)?;
    if typed.trim() == expected { Ok(()) } else { Err(Failure::NotConfirmed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_complete_text_confirms() {
        for typed in ["key-a\n", "key-a", " key-a \r\n"] {
            assert!(confirm("", "key-a", typed.as_bytes()).is_ok(), "{typed:?}");
        }
        for typed in ["", "\n", "y\n", "yes\n", "key\n", "key-b\n", "KEY-A\n", "key-a key-a\n"] {
            let refused = confirm("", "key-a", typed.as_bytes());
            assert!(matches!(refused, Err(Failure::NotConfirmed)), "{typed:?}");
        }
    }
}
