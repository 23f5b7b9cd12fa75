//! Log lines, each after the name of its source.

/// Prints a line.
#[expect(clippy::print_stdout, reason = "log lines go to the terminal of `make dev`")]
pub(crate) fn line(source: &str, text: &str) {
    println!("{source:>12} | {text}");
}
