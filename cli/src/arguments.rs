//! The command line.

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, StringValueParser, TypedValueParser},
};
use latchkey_token::Algorithm;
use secrecy::SecretString;

use crate::{failure::Failure, keys::MIN_ID_CHARACTERS};

/// Operates a Latchkey deployment: its signing keys and its tokens.
#[derive(Clone, Debug, Parser)]
#[command(name = "latchkey", version)]
pub struct Arguments {
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// Which deployment is meant.
    #[command(flatten)]
    pub deployment: Deployment,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Which deployment is meant, in the words of AWS's own program.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which deployment")]
pub struct Deployment {
    /// A profile of the AWS configuration files, which goes before credentials in the environment.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The AWS region of the stack.
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The name of the CloudFormation stack, `latchkey` when it is left out.
    #[arg(long, global = true, value_name = "NAME")]
    pub stack: Option<String>,
    /// Where Lambda answers, in place of AWS's own address.
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
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
    pub local: Option<PathBuf>,
}

impl Deployment {
    /// Whether a deployment is meant at all.
    pub(crate) fn is_named(&self) -> bool {
        let Self { profile, region, stack, endpoint_url, local } = self;
        let is_deployed = [profile, region, stack, endpoint_url].into_iter().any(Option::is_some);
        local.is_some() || is_deployed
    }

    /// Refuses what names two deployments.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let Self { profile, region, stack, endpoint_url, local } = self;
        let is_deployed = [profile, region, stack, endpoint_url].into_iter().any(Option::is_some);
        if local.is_some() && is_deployed { Err(Failure::LocalAndDeployed) } else { Ok(()) }
    }
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show, generate, rotate, retire and reset signing keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Look at tokens.
    #[command(subcommand)]
    Token(TokenCommand),
}

/// What to do with signing keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
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

/// What to do with tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Show what a token says, and whether it is genuine.
    ///
    /// Its signature is checked with the keys of --jwks, or with those of the deployment that
    /// --stack, --region, --profile, --endpoint-url or --local names. Otherwise nothing is checked.
    /// The exit code is 1 for a token that is not valid.
    Inspect(Inspect),
}

/// Which token, and which keys.
#[derive(Clone, Debug, Args)]
pub struct Inspect {
    /// The token, with or without `Bearer`; `-` reads it from standard input, which keeps it out of
    /// the shell's history.
    #[arg(value_name = "TOKEN", value_parser = StringValueParser::new().map(SecretString::from))]
    pub token: SecretString,
    /// A file with the JWK set of public keys to check it with; goes with none of the options that
    /// name a deployment.
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    PossibleValuesParser::new(Algorithm::ALL.map(Algorithm::name))
        .try_map(|name| Algorithm::parse(&name).ok_or("no such algorithm"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_deployment_may_be_named_before_and_after_the_command() {
        for line in [
            "latchkey --stack a --json keys list",
            "latchkey keys --stack a --json list",
            "latchkey keys list --stack a --json",
        ] {
            let arguments = parse(line).unwrap();
            assert_eq!(arguments.deployment.stack.as_deref(), Some("a"), "{line}");
            assert!(arguments.json, "{line}");
        }
    }

    #[test]
    fn the_local_stack_has_a_folder_that_may_be_left_out() {
        let local = |line| parse(line).unwrap().deployment.local;
        assert_eq!(local("latchkey keys list"), None);
        assert_eq!(local("latchkey keys list --local"), Some(".local".into()));
        assert_eq!(local("latchkey keys --local list"), Some(".local".into()));
        assert_eq!(local("latchkey keys list --local=state"), Some("state".into()));
    }

    #[test]
    fn the_local_stack_is_a_whole_deployment() {
        let check = |line: &str| parse(line).unwrap().deployment.check();
        assert!(check("latchkey keys list --local").is_ok());
        assert!(
            check("latchkey keys list --profile a --region b --stack c --endpoint-url d").is_ok()
        );
        for option in ["profile", "region", "stack", "endpoint-url"] {
            let line = format!("latchkey --{option} x keys list --local");
            assert!(matches!(check(&line), Err(Failure::LocalAndDeployed)), "{line}");
        }
    }

    #[test]
    fn a_key_id_may_begin_with_hyphens() {
        for id in ["-abcdef", "-hijklm", "--abcdef", "abc-def"] {
            for line in [
                format!("latchkey keys retire {id} --yes"),
                format!("latchkey keys retire --yes {id}"),
            ] {
                let Command::Keys(KeysCommand::Retire { key, yes }) = parse(&line).unwrap().command
                else {
                    panic!("{line}")
                };
                assert_eq!((key.as_str(), yes), (id, true), "{line}");
            }
        }
    }

    #[test]
    fn every_algorithm_has_its_name_and_no_other_does() {
        for algorithm in Algorithm::ALL {
            let line = format!("latchkey keys generate --algorithm {}", algorithm.name());
            let Command::Keys(KeysCommand::Generate { algorithm: read }) =
                parse(&line).unwrap().command
            else {
                panic!("{line}")
            };
            assert_eq!(read, algorithm);
        }
        for name in ["es256", "none", ""] {
            assert!(parse(&format!("latchkey keys generate --algorithm={name}")).is_err());
        }
    }

    #[test]
    fn a_token_does_not_print_with_the_arguments() {
        let arguments = parse("latchkey token inspect secret-token").unwrap();
        assert!(!format!("{arguments:?}").contains("secret-token"));
        assert!(parse("latchkey token inspect -").is_ok(), "standard input");
    }
}
