//! Log lines, each with the name of whoever speaks before it.

/// Prints a line.
#[expect(clippy::print_stdout, reason = "whoever started the stack should see it")]
pub(crate) fn line(speaker: &str, text: &str) {
    println!("{speaker:>12} | {text}");
}
