//! Errors of commands.

use std::io;

use latchkey_keys::RingError;
use latchkey_token::KeyError;

use crate::arguments::MIN_ID_CHARACTERS;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("--local cannot be combined with --profile, --region, --stack or --endpoint-url")]
    LocalAndDeployed,
    #[error(
        "--jwks cannot be combined with --local, --profile, --region, --stack or --endpoint-url: a \
         deployment has its own keys"
    )]
    TwoKeySources,
    #[error("not a terminal; pass --yes to skip the confirmation")]
    NoTerminal,
    #[error("not confirmed; nothing was done")]
    NotConfirmed,
    #[error("no key has the id {0:?}; see `latchkey keys list`")]
    UnknownKey(String),
    #[error("the key {0:?} is already retired")]
    RetiredKey(String),
    #[error("more than one key's id begins with {0:?}")]
    AmbiguousKey(String),
    #[error(
        "{0:?} is too short for a key id: give at least {least} characters",
        least = MIN_ID_CHARACTERS
    )]
    ShortKeyId(String),
    #[error(
        "{file}: {error}; does `make dev` run here? Give its state folder or the address that it \
         prints, as --local=http://127.0.0.1:…"
    )]
    NoLocalStack { file: String, error: io::Error },
    #[error(
        "a local stack with its state in memory keeps no log: start `make dev` without \
         --state memory and give its state folder"
    )]
    NoLogInMemory,
    #[error(
        "{file}: {error}; `make dev` writes it unless its state is in memory or \
         AWS_LAMBDA_LOG_FORMAT is Text"
    )]
    NoLog { file: String, error: io::Error },
    #[error("no region is set: give --region, or set AWS_REGION or the profile's region")]
    NoRegion,
    #[error(
        "no AWS credentials found: set them up as for the AWS CLI, or name a profile with \
         --profile"
    )]
    NoCredentials,
    #[error("there is no function {0}: check --stack, --region and --profile")]
    NoFunction(String),
    #[error("AWS refused the call: {code}: {message}")]
    Refused { code: String, message: String },
    #[error(
        "there is no saved query {0}: check --stack, --region and --profile, or deploy this \
         version of the template"
    )]
    NoSavedQuery(String),
    #[error(
        "AWS refused the call: {0}; needed are logs:DescribeQueryDefinitions, logs:StartQuery, \
         logs:GetQueryResults and logs:StopQuery"
    )]
    LogsDenied(String),
    #[error("CloudWatch Logs ended the query with the status {0}: try again")]
    QueryEnded(String),
    #[error("the query was stopped after {0} s: search a shorter time with --since")]
    SlowQuery(u64),
    #[error("AWS does not answer: {0}")]
    Unreachable(String),
    #[error("the AWS credentials cannot be used: {0}")]
    Credentials(String),
    /// An error of the `admin` function; `kind` is its `errorType`.
    #[error("{function}: {message}")]
    Failed { function: String, kind: String, message: String },
    /// A failure after which the change may have been made; `check` says how to find out.
    #[error("{failure}; the change may have been made: {check}")]
    Uncertain { failure: Box<Failure>, check: String },
    #[error(
        "the user {username:?} has this id, so nothing was removed: `latchkey users delete` deletes \
         the account and its rows"
    )]
    LiveUser { username: String },
    #[error(
        "the user {username:?} is unreadable and may have this id, so nothing was removed: the log \
         of admin says what to repair"
    )]
    UnreadableUser { username: String },
    #[error(
        "{0} of the users may still have their sessions: repeat the command, which does no harm"
    )]
    SessionsLeft(usize),
    #[error(
        "the command stopped after {0} failures, and most users may still have their sessions: \
         repeat it, which does no harm"
    )]
    Stopped(usize),
    #[error("unexpected answer of {0}: do this program and the stack have the same version?")]
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
    #[error(
        "the code was made and could not be printed: `latchkey users reset` makes another one for \
         {username:?}"
    )]
    LostCode { username: String },
    #[error("--set names the claim {0:?} twice")]
    RepeatedClaim(String),
}

impl Failure {
    /// Whether the command line is invalid: exit code 2.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::LocalAndDeployed
                | Self::TwoKeySources
                | Self::NoTerminal
                | Self::RepeatedClaim(_)
        )
    }

    /// Whether the `admin` function found no such user or key.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Failed { kind, .. } if kind == "NotFound")
    }
}
