//! Why a command did not do what it was told.

use std::io;

use auth_token::KeyError;

use crate::{age, keys, stack::StackError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("--local goes with none of --profile, --region, --stack and --endpoint-url")]
    LocalAndDeployed,
    #[error(
        "--jwks goes with none of --local, --profile, --region, --stack and --endpoint-url: they \
         name a deployment, which has keys of its own"
    )]
    TwoKeySources,
    #[error("there is nobody to ask: give --yes to retire the key without a question")]
    NobodyToAsk,
    #[error("that is not the key's id, so nothing was done")]
    NotConfirmed,
    #[error("no key has the id {0:?}; `latchkey keys list` shows those that there are")]
    UnknownKey(String),
    #[error("more than one key's id begins with {0:?}")]
    AmbiguousKey(String),
    #[error(
        "{0:?} is too little of a key's id: give {least} characters or more",
        least = keys::MIN_ID_CHARACTERS
    )]
    ShortKeyId(String),
    #[error("the keys function has answered, and the key {0:?} is still there")]
    StillThere(String),
    #[error(
        "the rotation was started and has not come to its end within {patience}: the log of the \
         keys function says why; see `latchkey keys list` first, because another `latchkey keys \
         rotate` takes a pending rotation up, but begins a new one when that has ended meanwhile",
        patience = age::text(keys::PATIENCE)
    )]
    NoRotation,
    #[error("the rotation does not come to its end: {}", .0.join("; "))]
    Problems(Vec<String>),
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error("{file}: {error}")]
    File { file: String, error: io::Error },
    #[error("{place}: {error}")]
    Keys { place: String, error: KeyError },
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
        matches!(self, Self::LocalAndDeployed | Self::TwoKeySources | Self::NobodyToAsk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_options_are_those_of_the_code() {
        let told = Failure::ShortKeyId("abc".to_owned()).to_string();
        assert_eq!(told, "\"abc\" is too little of a key's id: give 6 characters or more");
        let told = Failure::NoRotation.to_string();
        assert!(told.contains("within 1 min: ") && told.contains("`latchkey keys list`"), "{told}");
        let told = Failure::TwoKeySources.to_string();
        for option in ["--local", "--profile", "--region", "--stack", "--endpoint-url"] {
            assert!(told.contains(option), "{told}");
        }
    }
}
