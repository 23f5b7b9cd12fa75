//! Confirmation of what cannot be undone.

use std::io::{self, BufRead, IsTerminal as _, Write};

use crate::failure::Failure;

/// Fails where no person sees the question or types the answer.
pub(super) fn require_terminal() -> Result<(), Failure> {
    let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
    if is_there { Ok(()) } else { Err(Failure::NoTerminal) }
}

/// Asks for `expected`, so that nothing happens by a key pressed too fast.
pub(super) fn ask(question: &str, expected: &str) -> Result<(), Failure> {
    confirm(question, expected, &mut io::stdin().lock(), &mut io::stderr())
}

fn confirm(
    question: &str,
    expected: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let asked = output.write_all(question.as_bytes()).and_then(|()| output.flush());
    asked.map_err(Failure::Output)?;
    let mut answer = String::new();
    input.read_line(&mut answer).map_err(Failure::Input)?;
    if answer.trim() == expected { Ok(()) } else { Err(Failure::NotConfirmed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &str) -> Result<(), Failure> {
        let mut question = Vec::new();
        let outcome = confirm("Type it: ", "key-a", &mut answer.as_bytes(), &mut question);
        assert_eq!(question, b"Type it: ");
        outcome
    }

    #[test]
    fn only_the_whole_text_confirms() {
        for answer in ["key-a\n", "key-a", " key-a \r\n"] {
            assert!(answered(answer).is_ok(), "{answer:?}");
        }
        for answer in ["", "\n", "y\n", "yes\n", "key\n", "key-b\n", "KEY-A\n", "key-a key-a\n"] {
            assert!(matches!(answered(answer), Err(Failure::NotConfirmed)), "{answer:?}");
        }
    }
}
