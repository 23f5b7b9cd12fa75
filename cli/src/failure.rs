//! Why a command did not do what it was told.

use std::io;

use auth_token::KeyError;

use crate::stack::StackError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("--local goes with none of --profile, --region, --stack and --endpoint-url")]
    LocalAndDeployed,
    #[error("--jwks goes with neither --local nor --stack: each says which keys to check with")]
    TwoKeySources,
    #[error("there is nobody to ask: give --yes to retire the key without a question")]
    NobodyToAsk,
    #[error("that is not the key's id, so nothing was done")]
    NotConfirmed,
    #[error("no key has the id {0:?}; `latchkey keys list` shows those that there are")]
    UnknownKey(String),
    #[error("more than one key's id begins with {0:?}")]
    AmbiguousKey(String),
    #[error("{0:?} is too little of a key's id: give 6 characters or more")]
    ShortKeyId(String),
    #[error("the keys function has answered, and the key {0:?} is still there")]
    StillThere(String),
    #[error(
        "the rotation was started and has not come to its end within a minute: the log of the keys \
         function says why, and another `latchkey keys rotate` takes it up again"
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
