#![doc = include_str!("../README.md")]

mod arguments;
mod caller;
mod confirmation;
mod connection;
mod events;
mod failure;
mod format;
mod keys;
mod output;
mod stack;
mod token;

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
        ProgramCommand::Keys(command) => {
            let text = keys::run(command, &deployment, json).await?;
            Ok(CommandOutput { text, is_success: true })
        }
        ProgramCommand::Events(options) => {
            let text = events::run(&options, &deployment, json).await?;
            Ok(CommandOutput { text, is_success: true })
        }
        ProgramCommand::Token(TokenCommand::Inspect(options)) => {
            token::inspect(&options, &deployment, json).await
        }
    }
}
