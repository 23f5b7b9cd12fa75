//! The environment variables of functions.

use std::collections::BTreeMap;

use latchkey_config::variables_of;
use latchkey_token::Algorithm;

use crate::template::Function;

const SECRET: &str = "SIGNING_KEYS_SECRET";
const TABLE: &str = "KEYS_TABLE";
const KMS_KEY: &str = "KMS_KEY_ARN";
const FLASK_SECRET: &str = "FLASK_KEYS_SECRET";
/// The variables of static keys for signing.
const PRIVATE_KEYS: [&str; 4] = [SECRET, "SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY"];
/// The variable of a static key for verification only.
const PUBLIC_KEY: &str = "JWT_PUBLIC_KEY";
const RING_ALGORITHM: &str = "SIGNING_ALGORITHM";

/// `JWT_ALGORITHM` is an HMAC algorithm without a shared secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JWT_ALGORITHM={0} needs JWT_SECRET_KEY")]
pub struct NoSharedSecret(String);

/// Computes the variables of each function: those of the template, overridden by `given` (the
/// environment of this process).
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a closure cannot be printed")]
pub struct Environments<'a> {
    /// Looks up an overriding variable.
    pub given: &'a dyn Fn(&str) -> Option<String>,
    /// The URL of the emulated KMS and Secrets Manager.
    pub aws_url: &'a str,
}

impl Environments<'_> {
    /// Whether the functions sign with the key ring, which they do without static private keys.
    pub fn uses_key_ring(&self) -> bool {
        !PRIVATE_KEYS.into_iter().any(|name| (self.given)(name).is_some_and(|key| !key.is_empty()))
    }

    /// Checks that the key ring supports the given algorithm.
    ///
    /// # Errors
    /// [`NoSharedSecret`] for an HMAC algorithm.
    pub fn check(&self) -> Result<(), NoSharedSecret> {
        match self.algorithm() {
            Some(algorithm) if !algorithm.has_public_half() && self.uses_key_ring() => {
                Err(NoSharedSecret(algorithm.name().to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The variables of one function.
    pub fn of(&self, function: &Function) -> BTreeMap<String, String> {
        let mut variables = function.variables.clone();
        let given = self.given_to(function);
        let is_static_key = |(name, value): (&String, &String)| {
            !value.is_empty() && (PRIVATE_KEYS.contains(&name.as_str()) || name == PUBLIC_KEY)
        };
        if given.iter().any(is_static_key) {
            variables.remove(TABLE);
            variables.remove(KMS_KEY);
        }
        if let Some(ring_algorithm) = variables.get_mut(RING_ALGORITHM)
            && let Some(algorithm) = self.algorithm().filter(|found| found.has_public_half())
        {
            algorithm.name().clone_into(ring_algorithm);
        }
        if let Some(table) = variables.get_mut("LEGACY_TABLE").filter(|table| table.is_empty()) {
            // The template creates the table on a condition; here it always exists.
            "LegacyTable".clone_into(table);
        }
        variables.extend(given);
        let reads = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
        let endpoints = [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", reads(SECRET) || reads(FLASK_SECRET)),
            ("AWS_ENDPOINT_URL_KMS", reads(KMS_KEY)),
        ];
        for (name, is_needed) in endpoints {
            if is_needed {
                variables.insert(name.to_owned(), self.aws_url.to_owned());
            }
        }
        variables
    }

    /// The overrides for a function. `admin` always manages the template's ring.
    fn given_to(&self, function: &Function) -> BTreeMap<String, String> {
        let is_fixed = |name: &str| function.binary == "admin" && [TABLE, KMS_KEY].contains(&name);
        let readable = variables_of(&function.binary).into_iter().map(str::to_owned);
        let names = function.variables.keys().cloned().chain(readable);
        names
            .filter(|name| !is_fixed(name))
            .filter_map(|name| (self.given)(&name).map(|value| (name, value)))
            .collect()
    }

    fn algorithm(&self) -> Option<Algorithm> {
        (self.given)("JWT_ALGORITHM").and_then(|name| Algorithm::parse(&name))
    }
}
