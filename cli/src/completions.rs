//! `latchkey completions`.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::arguments::Arguments;

/// The script for a shell.
pub(crate) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "latchkey", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
