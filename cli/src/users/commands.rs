//! What the program knows about user commands.

use latchkey_session::UserCommand;

use crate::stack::{AdminCommand, Effect};

impl AdminCommand for UserCommand {
    fn effect(&self) -> Effect {
        match self {
            Self::List { .. } | Self::Show { .. } => Effect::Nothing,
            Self::Disable { .. }
            | Self::Enable { .. }
            | Self::Roles { .. }
            | Self::Claims { .. }
            | Self::Unlock { .. }
            | Self::EndSessions { .. }
            | Self::Delete { .. }
            | Self::Restore { .. }
            | Self::Purge { .. } => Effect::Repeatable,
            Self::Create { .. } | Self::Reset { .. } => Effect::Once,
        }
    }

    fn check(&self) -> String {
        match self {
            Self::List { .. } => "see `latchkey users list`".to_owned(),
            Self::Create { username, .. } => {
                let name = quoted(username);
                format!(
                    "see `latchkey users show {name}`; for a user whose code was lost, \
                     `latchkey users reset {name}` makes a new one"
                )
            }
            Self::Reset { username } => {
                let name = quoted(username);
                format!("see `latchkey users show {name}`; another reset makes another code")
            }
            Self::Unlock { .. } | Self::Restore { .. } => {
                "repeat it, which does no harm".to_owned()
            }
            Self::Delete { username, id } => format!(
                "see `latchkey users show {}`; when the user is gone, `latchkey users purge {}` \
                 removes the rows",
                quoted(username),
                quoted(id.as_str())
            ),
            Self::Purge { id } => {
                format!("repeat `latchkey users purge {}`, which does no harm", quoted(id.as_str()))
            }
            Self::Show { username }
            | Self::Disable { username, .. }
            | Self::Enable { username }
            | Self::Roles { username, .. }
            | Self::Claims { username, .. }
            | Self::EndSessions { username, .. } => {
                format!("see `latchkey users show {}`", quoted(username))
            }
        }
    }
}

/// A word for a POSIX shell.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+:".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_command_is_one_word() {
        for (word, expected) in [
            ("alice@example.com", "alice@example.com"),
            ("-a", "-a"),
            ("", "''"),
            ("a;b", "'a;b'"),
            ("o'hara", r"'o'\''hara'"),
            ("$(x)", "'$(x)'"),
            ("Zoë", "'Zoë'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
