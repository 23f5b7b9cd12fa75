//! The command line.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use clap::Parser;

/// The default folder of the state.
pub const DEFAULT_STATE: &str = ".local";

/// Serves the whole system of template.yaml on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "local", args_override_self = true, after_help = AFTER_HELP)]
pub struct Options {
    /// Port on 127.0.0.1; 0 selects a free one.
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Folder of accounts and keys, or `memory` to keep nothing.
    #[arg(long, value_name = "DIR|memory", default_value = DEFAULT_STATE)]
    state: PathBuf,
    /// An external DynamoDB, in which the template's tables are created.
    #[arg(long, value_name = "URL")]
    pub dynamodb_endpoint: Option<String>,
    /// Build and run release binaries of the functions.
    #[arg(long)]
    pub release: bool,
    /// Folder of the functions' binaries; default: the folder of this program.
    #[arg(long, value_name = "DIR")]
    pub functions: Option<PathBuf>,
    /// The template to serve.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    pub template: PathBuf,
    /// Timeout of every function, instead of the template's.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Restart a function's process after N requests.
    #[arg(long, value_name = "N")]
    pub requests_per_sandbox: Option<NonZeroU32>,
    /// A template parameter; may be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
}

const AFTER_HELP: &str = "\
A function's variable that is set in this process's environment, such as JWT_SECRET_KEY or
JWT_ACCESS_TOKEN_EXPIRES, overrides the template. With static keys there is no key ring. The line
`aws URL` before `ready URL` has the address of the emulated AWS calls; with a ring, DIR/aws-endpoint
has it too, for `latchkey --local`. DIR/env and DIR/env.json contain the functions' variables, for
a shell and for `sam local invoke --env-vars`. DIR/log.jsonl has the functions' log, for
`latchkey events --local`.";

impl Options {
    /// The folder of accounts and keys; `None` with `--state memory`.
    pub fn state(&self) -> Option<&Path> {
        (self.state != Path::new("memory")).then_some(&self.state)
    }
}

fn parse_parameter(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
