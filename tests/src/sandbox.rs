//! A single function without a gateway.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "test helpers panic")]

use latchkey_testkit::fixtures::JWK_SET;
use local::{
    environment::Environments,
    log::FunctionLog,
    sandbox::{FunctionCommand, Sandbox},
    template::Function,
};

use crate::stack::{CALL_TIMEOUT, NO_LIMITS, binaries};

/// Starts a function of the template with the tests' key. `endpoint` is the URL of DynamoDB, and `given`
/// overrides variables.
pub fn start(
    function: &Function,
    endpoint: &str,
    given: &dyn Fn(&str) -> Option<String>,
) -> Sandbox {
    let given = |name: &str| {
        let default = |name| match name {
            "SIGNING_KEYS" => Some(JWK_SET),
            name => NO_LIMITS.into_iter().find(|(limit, _)| *limit == name).map(|(_, off)| off),
        };
        given(name).or_else(|| default(name).map(str::to_owned))
    };
    let mut variables = Environments { given: &given, aws_url: "" }.of(function);
    for (name, value) in [("AWS_ENDPOINT_URL_DYNAMODB", endpoint), CALL_TIMEOUT] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    let command = FunctionCommand {
        name: function.binary.clone(),
        binary: binaries().join(&function.binary),
        memory: function.memory,
        variables,
        log: FunctionLog::default(),
    };
    Sandbox::start(&command).unwrap()
}
