#![doc = include_str!("../README.md")]

mod age;
mod arguments;
mod failure;
mod keys;
mod stack;
mod table;
mod terminal;
mod token;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use latchkey_token::Timestamp;

pub use arguments::{Arguments, Command, Deployment, Inspect, KeysCommand, TokenCommand};
use failure::Failure;

/// Tells the time. A command asks when it has its answer: questions and networks take theirs.
type Clock = fn() -> Timestamp;

/// What a command has found out.
struct Answer {
    /// For standard output.
    text: String,
    /// Whether the program succeeds. A token that is not valid is an answer, and no success.
    is_good: bool,
}

impl Answer {
    const fn good(text: String) -> Self {
        Self { text, is_good: true }
    }

    fn print(&self) -> Result<ExitCode, Failure> {
        let mut output = io::stdout().lock();
        match output.write_all(self.text.as_bytes()).and_then(|()| output.flush()) {
            // Whoever reads it, such as `head`, has read enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            Ok(()) | Err(_) if self.is_good => Ok(ExitCode::SUCCESS),
            Ok(()) | Err(_) => Ok(ExitCode::FAILURE),
        }
    }
}

/// Does what the command line says, by the time that `now` tells. Results go to standard output;
/// questions, warnings and failures, which are one line, to standard error.
///
/// The exit code is 0, 1 for a failure and for a token that is not valid, and 2 for a command line
/// that makes no sense.
pub async fn run(arguments: Arguments, now: fn() -> Timestamp) -> ExitCode {
    match answer(arguments, now).await.and_then(|answer| answer.print()) {
        Ok(code) => code,
        Err(failure) => {
            terminal::say(&format!("latchkey: {}", terminal::safe(&failure.to_string())));
            if failure.is_usage() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn answer(arguments: Arguments, now: Clock) -> Result<Answer, Failure> {
    let Arguments { json, deployment, command } = arguments;
    deployment.check()?;
    match &command {
        Command::Keys(command) => keys::run(command, &deployment, json, now).await,
        Command::Token(TokenCommand::Inspect(inspect)) => {
            token::inspect(inspect, &deployment, json, now).await
        }
    }
}
