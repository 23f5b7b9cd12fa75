//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, StringValueParser, TypedValueParser},
    value_parser,
};
use clap_complete::Shell;
use latchkey_token::Algorithm;
use secrecy::SecretString;

use crate::{
    events::{SavedQuery, parse_duration, parse_value},
    users::UsersCommand,
};

/// Minimum length of a key id prefix, because shorter ones are ambiguous.
pub(crate) const MIN_ID_CHARACTERS: usize = 6;

/// Operates a Latchkey deployment: its users, its signing keys, its tokens and its audit events.
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
#[command(next_help_heading = "Deployment")]
pub(crate) struct DeploymentOptions {
    /// Profile of the AWS configuration files. It overrides credentials in the environment.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// AWS region of the stack.
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Name of the CloudFormation stack; default: `latchkey`.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// Endpoint of Lambda or CloudWatch Logs, instead of that of AWS.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The stack of `make dev`: the folder of its state (default: `.local`), or for a stack with its
    /// state in memory the address that `make dev` prints.
    // Without `=`, `--local list` would parse the command as the folder.
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
    /// List, create, change and delete users.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Show, generate, rotate, retire and reset signing keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Inspect tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Search the audit events of the stack, newest first.
    Events(EventsOptions),
    /// Print a script that completes commands and options in a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the signing keys of the stack.
    List,
    /// Generate a key for development or tests, as a private JWK set. Uses no stack.
    Generate {
        /// Algorithm of the key.
        #[arg(long, value_name = "ALGORITHM", default_value = "ES256", value_parser = algorithm())]
        algorithm: Algorithm,
    },
    /// Make the next key sign; without a next key, publish one.
    Rotate {
        /// Rotate although the next key was public for less than two hours. Other verifiers may refuse
        /// its tokens for a while.
        #[arg(long)]
        force: bool,
    },
    /// Refuse every token of a key, for a stolen key. This cannot be undone.
    Retire {
        // An id may begin with a hyphen.
        #[arg(
            value_name = "KEY",
            allow_hyphen_values = true,
            help = format!(
                "Id of the key, or at least {MIN_ID_CHARACTERS} characters of its beginning"
            )
        )]
        key: String,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Generate a new signing key because the private keys cannot be decrypted.
    Reset {
        /// Retire the old keys, so that all users must log in again. Also replaces an invalid key ring.
        #[arg(long)]
        discard: bool,
        /// Skip the confirmation.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Show a token's content and verify it.
    ///
    /// The keys are those of --jwks, or of the deployment that --stack, --region, --profile,
    /// --endpoint-url or --local names. Without any of them nothing is verified.
    /// The exit code is 1 for an invalid token.
    Inspect(InspectOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct InspectOptions {
    /// Token with or without `Bearer`; `-` reads it from standard input and so keeps it out of the
    /// shell's history.
    #[arg(value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from))]
    pub(crate) token: SecretString,
    /// File with a JWK set of public keys; cannot be combined with options that name a deployment.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EventsOptions {
    /// Query to run.
    #[arg(value_name = "QUERY", value_enum, default_value = "events")]
    pub(crate) query: SavedQuery,
    /// Only events of the account with this id.
    #[arg(long, value_name = "ID", value_parser = parse_value, allow_hyphen_values = true)]
    pub(crate) user: Option<String>,
    /// Only events of clients with this IP address.
    #[arg(long, value_name = "IP", value_parser = parse_value)]
    pub(crate) address: Option<String>,
    /// Only events with this name.
    #[arg(long, value_name = "NAME", value_parser = parse_value)]
    pub(crate) event: Option<String>,
    /// Only failures.
    #[arg(long)]
    pub(crate) failures: bool,
    /// How far to look back: a number and s, m, h or d.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) since: Duration,
    /// Maximum number of events, or of rows.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        value_parser = value_parser!(u16).range(1..=10_000)
    )]
    pub(crate) limit: u16,
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| Algorithm::parse(&name).ok_or("no such algorithm"))
}
