//! What a function finds in its environment.

use std::collections::BTreeMap;

use auth_config::variables_of;
use secrecy::{ExposeSecret, SecretString};

use crate::template::Function;

const SECRET: &str = "SIGNING_KEYS_SECRET";
const JWK_SET: &str = "SIGNING_KEYS";
const GIVEN_KEYS: [&str; 4] = [SECRET, JWK_SET, "JWT_SECRET_KEY", "JWT_PRIVATE_KEY"];

/// Gives each function its variables: the template's, those that `given` names (this process's
/// own environment), and the local keys in place of a secret of AWS's.
#[expect(missing_debug_implementations, reason = "a closure has nothing to print")]
pub struct Environments<'a> {
    /// Looks a variable up.
    pub given: &'a dyn Fn(&str) -> Option<String>,
    /// A private JWK set, for functions that would read the secret.
    pub keys: &'a SecretString,
}

impl Environments<'_> {
    fn has_given_keys(&self) -> bool {
        GIVEN_KEYS.into_iter().any(|name| (self.given)(name).is_some())
    }

    /// The variables of one function.
    pub fn of(&self, function: &Function) -> BTreeMap<String, String> {
        let mut variables = function.variables.clone();
        if variables.remove(SECRET).is_some() && !self.has_given_keys() {
            variables.insert(JWK_SET.to_owned(), self.keys.expose_secret().to_owned());
        }
        let readable = variables_of(&function.binary).into_iter().map(str::to_owned);
        let names: Vec<_> = function.variables.keys().cloned().chain(readable).collect();
        for name in names {
            if let Some(value) = (self.given)(&name) {
                variables.insert(name, value);
            }
        }
        variables
    }
}
