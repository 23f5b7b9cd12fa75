//! Log lines with the name of their source.

/// Prints a log line.
#[expect(clippy::print_stdout, reason = "log lines go to the terminal of `make dev`")]
pub(crate) fn line(source: &str, text: &str) {
    println!("{source:>12} | {text}");
}
