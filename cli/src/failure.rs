//! Why a command did not do what it was told.

use std::io;

use latchkey_keys::RingError;
use latchkey_token::KeyError;

use crate::{keys, stack::StackError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("--local goes with none of --profile, --region, --stack and --endpoint-url")]
    LocalAndDeployed,
    #[error(
        "--jwks goes with none of --local, --profile, --region, --stack and --endpoint-url: they \
         name a deployment, which has keys of its own"
    )]
    TwoKeySources,
    #[error("not a terminal; pass --yes to skip the confirmation")]
    NoTerminal,
    #[error("not confirmed; nothing was done")]
    NotConfirmed,
    #[error("no key has the id {0:?}; see `latchkey keys list`")]
    UnknownKey(String),
    #[error("the key {0:?} is retired already")]
    RetiredKey(String),
    #[error("more than one key's id begins with {0:?}")]
    AmbiguousKey(String),
    #[error(
        "{0:?} is too little of a key's id: give {least} characters or more",
        least = keys::MIN_ID_CHARACTERS
    )]
    ShortKeyId(String),
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error("{file}: {error}")]
    File { file: String, error: io::Error },
    #[error("{place}: {error}")]
    Keys { place: String, error: KeyError },
    #[error("the stack's keys: {0}")]
    Ring(RingError),
    #[error("{0}")]
    Generation(KeyError),
    #[error("standard input: {0}")]
    Input(io::Error),
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl Failure {
    /// Whether the command line is what is wrong.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::LocalAndDeployed | Self::TwoKeySources | Self::NoTerminal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_options_are_those_of_the_code() {
        let told = Failure::ShortKeyId("abc".to_owned()).to_string();
        assert_eq!(told, "\"abc\" is too little of a key's id: give 6 characters or more");
        let told = Failure::TwoKeySources.to_string();
        for option in ["--local", "--profile", "--region", "--stack", "--endpoint-url"] {
            assert!(told.contains(option), "{told}");
        }
    }
}
