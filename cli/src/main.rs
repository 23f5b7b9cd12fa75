#![doc = include_str!("../README.md")]

mod arguments;
mod caller;
mod completions;
mod confirmation;
mod connection;
mod events;
mod failure;
mod format;
mod keys;
mod output;
mod stack;
mod token;
mod users;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    arguments::{Arguments, ProgramCommand, TokenCommand},
    failure::Failure,
    output::CommandOutput,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await.and_then(|output| output.print()) {
        Ok(code) => code,
        Err(failure) => {
            output::say(&format!("latchkey: {}", output::safe(&failure.to_string())));
            if failure.is_usage() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(arguments: Arguments) -> Result<CommandOutput, Failure> {
    let Arguments { json, deployment, command } = arguments;
    if deployment.local.is_some() && deployment.names_aws() {
        return Err(Failure::LocalAndDeployed);
    }
    match command {
        ProgramCommand::Users(command) => users::run(command, &deployment, json).await,
        ProgramCommand::Keys(command) => {
            keys::run(command, &deployment, json).await.map(CommandOutput::from)
        }
        ProgramCommand::Events(options) => {
            events::run(&options, &deployment, json).await.map(CommandOutput::from)
        }
        ProgramCommand::Token(TokenCommand::Inspect(options)) => {
            token::inspect(&options, &deployment, json).await
        }
        ProgramCommand::Completions { shell } => Ok(completions::script(shell).into()),
    }
}
