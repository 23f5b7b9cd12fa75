//! The command line.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use clap::Parser;

/// The folder of the state, unless another is named.
pub const DEFAULT_STATE: &str = ".local";

/// Serves the whole system of template.yaml on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "local", args_override_self = true, after_help = AFTER_HELP)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Where accounts and keys are kept, or `memory` to keep nothing.
    #[arg(long, value_name = "DIR|memory", default_value = DEFAULT_STATE)]
    state: PathBuf,
    /// Another DynamoDB, in which the template's tables are created.
    #[arg(long, value_name = "URL")]
    pub dynamodb_endpoint: Option<String>,
    /// Build and run optimised functions.
    #[arg(long)]
    pub release: bool,
    /// Where the functions are, if not beside this program.
    #[arg(long, value_name = "DIR")]
    pub functions: Option<PathBuf>,
    /// Another template.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    pub template: PathBuf,
    /// The time limit of each function, in place of the template's.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Replace a function's process after N requests.
    #[arg(long, value_name = "N")]
    pub requests_per_sandbox: Option<NonZeroU32>,
    /// A template parameter; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
}

const AFTER_HELP: &str = "\
A variable of a function that is set in this process's environment, such as JWT_SECRET_KEY or
JWT_ACCESS_TOKEN_EXPIRES, takes the place of the template's value. With static keys, no key ring is
made. The line before `ready URL` is `aws URL`, the address of the emulated AWS calls; with a ring it
is also written to DIR/aws-endpoint, where `latchkey keys --local` finds it. DIR/env and DIR/env.json
contain the variables of the functions, for a shell and for `sam local invoke --env-vars`.";

impl Options {
    /// The folder in which accounts and keys are kept, if they are.
    pub fn state(&self) -> Option<&Path> {
        (self.state != Path::new("memory")).then_some(&self.state)
    }
}

fn parse_parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
