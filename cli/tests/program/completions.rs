//! `latchkey completions`.

use crate::{run, text};

#[test]
fn a_script_completes_commands_in_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = text(&run(&["completions", shell]));
        for word in ["end-sessions", "keep-rows"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn an_unknown_shell_is_a_wrong_command_line() {
    for line in [&["completions"][..], &["completions", "tcsh"]] {
        assert_eq!(run(line).status.code(), Some(2), "{line:?}");
    }
}
