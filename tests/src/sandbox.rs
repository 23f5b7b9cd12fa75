//! A function by itself, without a gateway before it.
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test's tools fail the test")]

use latchkey_testkit::fixtures::JWK_SET;
use local::{
    environment::Environments,
    sandbox::{FunctionCommand, Sandbox},
    template::Function,
};

use crate::stack::{PATIENT_CALLS, binaries};

/// Starts a function of the template's over that DynamoDB, with the tests' key and the variables
/// that `given` names.
pub fn start(
    function: &Function,
    endpoint: &str,
    given: &dyn Fn(&str) -> Option<String>,
) -> Sandbox {
    let given =
        |name: &str| given(name).or_else(|| (name == "SIGNING_KEYS").then(|| JWK_SET.to_owned()));
    let mut variables = Environments { given: &given, aws_url: "" }.of(function);
    for (name, value) in [("AWS_ENDPOINT_URL_DYNAMODB", endpoint), PATIENT_CALLS] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    let command = FunctionCommand {
        name: function.binary.clone(),
        binary: binaries().join(&function.binary),
        memory: function.memory,
        variables,
    };
    Sandbox::start(&command).unwrap()
}
