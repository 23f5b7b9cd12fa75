//! Errors of commands.

use std::io;

use latchkey_keys::RingError;
use latchkey_token::KeyError;

use crate::arguments::MIN_ID_CHARACTERS;

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
        least = MIN_ID_CHARACTERS
    )]
    ShortKeyId(String),
    #[error(
        "{file}: {error}; does `make dev` run here? Give another folder or the address that it \
         prints, as --local=http://127.0.0.1:…"
    )]
    NoLocalStack { file: String, error: io::Error },
    #[error("no region is set: give --region, or set AWS_REGION or the profile's region")]
    NoRegion,
    #[error(
        "no AWS credentials are found: set them up as for AWS's own program, or name a profile \
         that has some with --profile"
    )]
    NoCredentials,
    #[error("there is no function {0}: are --stack, --region and --profile the deployment's?")]
    NoFunction(String),
    #[error("AWS refuses: {code}: {message}")]
    Refused { code: String, message: String },
    #[error("AWS cannot be asked: {0}")]
    Unreachable(String),
    #[error("{function}: {message}")]
    Failed { function: String, message: String },
    #[error("the answer of {0} is not understood: is this program of the stack's version?")]
    NotUnderstood(String),
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
    /// Whether the command line is wrong: exit code 2.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::LocalAndDeployed | Self::TwoKeySources | Self::NoTerminal)
    }
}
