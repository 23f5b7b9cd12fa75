//! The command line.

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, StringValueParser, TypedValueParser},
};
use latchkey_token::Algorithm;
use secrecy::SecretString;

/// A shorter beginning of a key's id may be another key's.
pub(crate) const MIN_ID_CHARACTERS: usize = 6;

/// Operates a Latchkey deployment: its signing keys and its tokens.
#[derive(Clone, Debug, Parser)]
#[command(name = "latchkey", version)]
pub(crate) struct Arguments {
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) deployment: DeploymentOptions,
    #[command(subcommand)]
    pub(crate) command: ProgramCommand,
}

/// Options that name a deployment; the names are those of the AWS CLI.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which deployment")]
pub(crate) struct DeploymentOptions {
    /// A profile of the AWS configuration files, which goes before credentials in the environment.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The AWS region of the stack.
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The name of the CloudFormation stack, `latchkey` when it is left out.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// Where Lambda answers, in place of AWS's own address.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The stack that `make dev` runs, whose state is in DIR, `.local` when it is left out; or whose
    /// address `make dev` prints, for one that keeps its state in memory.
    // `=` is demanded because `--local list` would take the command for the folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR|URL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ".local"
    )]
    pub(crate) local: Option<PathBuf>,
}

impl DeploymentOptions {
    pub(crate) fn is_named(&self) -> bool {
        self.local.is_some() || self.names_aws()
    }

    /// Whether an option names a deployment on AWS.
    pub(crate) fn names_aws(&self) -> bool {
        let Self { profile, region, stack, endpoint_url, local: _ } = self;
        [profile, region, stack, endpoint_url].into_iter().any(Option::is_some)
    }
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProgramCommand {
    /// Show, generate, rotate, retire and reset signing keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look at tokens.
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Show the keys of the stack.
    List,
    /// Make a key for a laptop or a test, as a private JWK set; no stack is asked.
    Generate {
        /// What the key is for.
        #[arg(long, value_name = "ALGORITHM", default_value = "ES256", value_parser = algorithm())]
        algorithm: Algorithm,
    },
    /// Have the next key sign; without a next key, publish one.
    Rotate {
        /// Although the next key has not been public for two hours, so that verifiers elsewhere may
        /// refuse its tokens for a while.
        #[arg(long)]
        force: bool,
    },
    /// Have every token of a key refused: the emergency brake, which cannot be undone.
    Retire {
        /// The key's id, or enough of its beginning.
        // An id may begin with a hyphen.
        #[arg(
            value_name = "KEY",
            allow_hyphen_values = true,
            help = format!(
                "The key's id, or at least {MIN_ID_CHARACTERS} characters of its beginning"
            )
        )]
        key: String,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Make a new signing key because the private keys cannot be opened.
    Reset {
        /// Retire the old keys, so that all users must log in again; also replaces a ring that cannot
        /// be read.
        #[arg(long)]
        discard: bool,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Show what a token says, and whether it is genuine.
    ///
    /// Its signature is checked with the keys of --jwks, or with those of the deployment that
    /// --stack, --region, --profile, --endpoint-url or --local names. Otherwise nothing is checked.
    /// The exit code is 1 for a token that is not valid.
    Inspect(InspectOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct InspectOptions {
    /// The token, with or without `Bearer`; `-` reads it from standard input, which keeps it out of
    /// the shell's history.
    #[arg(value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from))]
    pub(crate) token: SecretString,
    /// A file with the JWK set of public keys to check it with; goes with none of the options that
    /// name a deployment.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| Algorithm::parse(&name).ok_or("no such algorithm"))
}
