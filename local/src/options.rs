//! The command line.

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf};

/// The folder of the state, unless another is named.
pub const DEFAULT_STATE: &str = ".local";

/// What `make dev ARGS="…"` can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where accounts and keys are kept; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// A DynamoDB to use in place of the embedded one.
    pub dynamodb_endpoint: Option<String>,
    /// Whether the functions are built optimised.
    pub release: bool,
    /// Where the functions are, when not beside this program.
    pub functions: Option<PathBuf>,
    /// The template to run.
    pub template: PathBuf,
    /// How many seconds each function has, in place of the template's timeouts.
    pub timeout: Option<u64>,
    /// After how many requests a function's process is replaced.
    pub requests_per_sandbox: Option<NonZeroU32>,
    /// Values of the template's parameters in place of their defaults.
    pub parameters: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 3000,
            state: Some(PathBuf::from(DEFAULT_STATE)),
            dynamodb_endpoint: None,
            release: false,
            functions: None,
            template: PathBuf::from("template.yaml"),
            timeout: None,
            requests_per_sandbox: None,
            parameters: BTreeMap::new(),
        }
    }
}

/// What `--help` prints.
pub const USAGE: &str = "\
Serves the whole system of template.yaml on this machine.

  --port PORT               port on 127.0.0.1 (3000; 0 takes a free one)
  --state DIR|memory        where accounts and keys are kept (.local), or nowhere
  --dynamodb-endpoint URL   another DynamoDB; the template's tables are made there
  --release                 optimised functions
  --functions DIR           where the functions are (beside this program)
  --template FILE           another template (template.yaml)
  --timeout SECONDS         how long each function has, in place of the template's timeouts
  --requests-per-sandbox N  a process of a function is replaced after N requests
  --parameter NAME=VALUE    a template parameter; may be repeated
  --help                    this text

A variable of a function that is set in this process's environment, such as JWT_SECRET_KEY or
JWT_ACCESS_TOKEN_EXPIRES, takes the place of the template's value. With keys of one's own, no ring
is made. What it prints before `ready URL` is `aws URL`, the address of AWS's own calls; with a ring
it is also written to DIR/aws-endpoint, where `latchkey keys --local` finds it. DIR/env and DIR/env.json
have the variables of the functions, for a shell and for `sam local invoke --env-vars`.
";

impl Options {
    /// Reads the command line; `None` when help was asked for.
    ///
    /// # Errors
    /// A sentence about the argument that is not understood.
    pub fn parse(
        arguments: impl IntoIterator<Item = std::ffi::OsString>,
    ) -> Result<Option<Self>, lexopt::Error> {
        use lexopt::prelude::*;

        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("port") => options.port = parser.value()?.parse()?,
                Long("state") => {
                    let place = parser.value()?;
                    options.state = (place != "memory").then(|| PathBuf::from(place));
                }
                Long("dynamodb-endpoint") => {
                    options.dynamodb_endpoint = Some(parser.value()?.string()?);
                }
                Long("release") => options.release = true,
                Long("functions") => options.functions = Some(parser.value()?.into()),
                Long("template") => options.template = parser.value()?.into(),
                Long("timeout") => options.timeout = Some(parser.value()?.parse()?),
                Long("requests-per-sandbox") => {
                    options.requests_per_sandbox = Some(parser.value()?.parse()?);
                }
                Long("parameter") => {
                    let text = parser.value()?.string()?;
                    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
                    options.parameters.insert(name.to_owned(), value.to_owned());
                }
                Long("help") | Short('h') => return Ok(None),
                Short(_) | Long(_) | Value(_) => return Err(argument.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, lexopt::Error> {
        Options::parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn every_option_is_read() {
        let options = parse(
            "--port 4000 --state memory --dynamodb-endpoint http://127.0.0.1:8000 --release \
             --functions bin --template t.yaml --timeout 9 --requests-per-sandbox 3 \
             --parameter A=b=c",
        );
        let expected = Options {
            port: 4000,
            state: None,
            dynamodb_endpoint: Some("http://127.0.0.1:8000".to_owned()),
            release: true,
            functions: Some("bin".into()),
            template: "t.yaml".into(),
            timeout: Some(9),
            requests_per_sandbox: NonZeroU32::new(3),
            parameters: [("A".to_owned(), "b=c".to_owned())].into(),
        };
        assert_eq!(options.unwrap().unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "--prot 1",
            "--port",
            "--port x",
            "--port 70000",
            "up",
            "--parameter A",
            "--requests-per-sandbox 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--help").unwrap().is_none());
    }
}
