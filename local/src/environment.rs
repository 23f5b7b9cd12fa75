//! What a function finds in its environment.

use std::collections::BTreeMap;

use latchkey_config::variables_of;
use latchkey_token::Algorithm;

use crate::template::Function;

const SECRET: &str = "SIGNING_KEYS_SECRET";
const TABLE: &str = "KEYS_TABLE";
const KMS_KEY: &str = "KMS_KEY_ARN";
const FLASK_SECRET: &str = "FLASK_KEYS_SECRET";
/// Where keys that sign can be.
const PRIVATE_KEYS: [&str; 4] = [SECRET, "SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY"];
/// Where a key that only verifies can be.
const PUBLIC_KEY: &str = "JWT_PUBLIC_KEY";
/// A Flask service's identities, whose table is always made here.
const LEGACY: (&str, &str) = ("LEGACY_TABLE", "LegacyTable");
const ALGORITHM: &str = "JWT_ALGORITHM";
const RING_ALGORITHM: &str = "SIGNING_ALGORITHM";
/// The binary of the function that changes the ring.
const ADMIN: &str = "admin";

/// An algorithm whose keys are shared secrets was asked for, and no secret was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JWT_ALGORITHM={0} needs JWT_SECRET_KEY")]
pub struct NoSharedSecret(String);

/// Gives each function its variables: the template's, and those that `given` names (this process's
/// own environment). Keys that are given take the place of the stack's own.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a closure has nothing to print")]
pub struct Environments<'a> {
    /// Looks a variable up.
    pub given: &'a dyn Fn(&str) -> Option<String>,
    /// The URL of the KMS and the Secrets Manager that functions call.
    pub aws_url: &'a str,
}

impl Environments<'_> {
    /// Whether the stack signs with keys of its own, because none were given.
    pub fn has_own_keys(&self) -> bool {
        !PRIVATE_KEYS.into_iter().any(|name| self.given_key(name).is_some())
    }

    /// Keys that are given; empty ones are none, as functions have it.
    fn given_key(&self, name: &str) -> Option<String> {
        (self.given)(name).filter(|value| !value.is_empty())
    }

    /// Checks what no function could: that the stack's own keys can be for the given algorithm.
    ///
    /// # Errors
    /// [`NoSharedSecret`].
    pub fn check(&self) -> Result<(), NoSharedSecret> {
        match self.algorithm() {
            Some(algorithm) if !algorithm.has_public_half() && self.has_own_keys() => {
                Err(NoSharedSecret(algorithm.name().to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The variables of one function.
    pub fn of(&self, function: &Function) -> BTreeMap<String, String> {
        let mut variables = function.variables.clone();
        let given = self.given_to(function);
        let is_key = |name: &str| PRIVATE_KEYS.contains(&name) || name == PUBLIC_KEY;
        if given.iter().any(|(name, value)| is_key(name) && !value.is_empty()) {
            variables.remove(TABLE);
            variables.remove(KMS_KEY);
        }
        if variables.contains_key(RING_ALGORITHM)
            && let Some(algorithm) = self.algorithm().filter(|found| found.has_public_half())
        {
            variables.insert(RING_ALGORITHM.to_owned(), algorithm.name().to_owned());
        }
        if let Some(table) = variables.get_mut(LEGACY.0).filter(|table| table.is_empty()) {
            LEGACY.1.clone_into(table);
        }
        variables.extend(given);
        let reads = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
        let needs_secrets = reads(SECRET) || reads(FLASK_SECRET);
        let needs_kms = reads(KMS_KEY);
        let url = self.aws_url;
        if needs_secrets {
            variables.insert("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), url.to_owned());
        }
        if needs_kms {
            variables.insert("AWS_ENDPOINT_URL_KMS".to_owned(), url.to_owned());
        }
        variables
    }

    /// The given variables that a function reads. The ring is changed where the template has it.
    fn given_to(&self, function: &Function) -> BTreeMap<String, String> {
        let is_fixed = |name: &str| function.binary == ADMIN && [TABLE, KMS_KEY].contains(&name);
        let readable = variables_of(&function.binary).into_iter().map(str::to_owned);
        let names = function.variables.keys().cloned().chain(readable);
        names
            .filter(|name| !is_fixed(name))
            .filter_map(|name| (self.given)(&name).map(|value| (name, value)))
            .collect()
    }

    /// The algorithm that was asked for, if there is one of that name.
    fn algorithm(&self) -> Option<Algorithm> {
        (self.given)(ALGORITHM).and_then(|name| Algorithm::parse(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:1";

    fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// What a function that the template gives its usual keys finds, without where AWS is.
    fn found(binary: &str, given: &[(&str, &str)]) -> BTreeMap<String, String> {
        let function = Function {
            name: binary.to_owned(),
            binary: binary.to_owned(),
            memory: 256,
            timeout: 2,
            variables: own(binary),
            permissions: Vec::new(),
        };
        let given: BTreeMap<_, _> = given.iter().copied().collect();
        let given = |name: &str| given.get(name).map(|value| (*value).to_owned());
        let mut found = Environments { given: &given, aws_url: URL }.of(&function);
        for (variable, needs_it) in [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", found.contains_key(SECRET)),
            ("AWS_ENDPOINT_URL_KMS", found.contains_key(KMS_KEY)),
        ] {
            let url = found.remove(variable);
            assert_eq!(url.as_deref(), needs_it.then_some(URL), "{binary}: {variable}");
        }
        found
    }

    /// What the template gives.
    fn own(binary: &str) -> BTreeMap<String, String> {
        let table = (TABLE, "Table");
        let kms_key = (KMS_KEY, "Key");
        match binary {
            "admin" | "login" => variables([table, kms_key, (RING_ALGORITHM, "ES256")]),
            "refresh" => variables([table, kms_key]),
            _ => variables([table]),
        }
    }

    #[test]
    fn functions_are_given_the_ring_and_those_that_sign_the_kms_key() {
        for binary in ["admin", "login", "refresh", "protected"] {
            assert_eq!(found(binary, &[]), own(binary));
        }
    }

    #[test]
    fn a_function_that_reads_the_identities_of_a_flask_service_has_their_table() {
        let function = Function {
            name: "protected".to_owned(),
            binary: "protected".to_owned(),
            memory: 256,
            timeout: 2,
            variables: variables([("LEGACY_TABLE", "")]),
            permissions: Vec::new(),
        };
        let table = |given: &[(&str, &str)]| {
            let given: BTreeMap<_, _> = given.iter().copied().collect();
            let given = |name: &str| given.get(name).map(|value| (*value).to_owned());
            let environments = Environments { given: &given, aws_url: URL };
            environments.of(&function)["LEGACY_TABLE"].clone()
        };
        assert_eq!(table(&[]), "LegacyTable");
        assert_eq!(table(&[("LEGACY_TABLE", "Other")]), "Other");
    }

    #[test]
    fn static_keys_take_the_place_of_the_ring() {
        for name in ["SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY", SECRET] {
            for binary in ["refresh", "protected", "discovery"] {
                assert_eq!(found(binary, &[(name, "x")]), variables([(name, "x")]), "{binary}");
            }
        }
    }

    #[test]
    fn a_given_key_that_verifies_is_for_functions_that_do_not_sign() {
        let given = [("JWT_PUBLIC_KEY", "pem")];
        assert_eq!(found("protected", &given), variables(given));
        assert_eq!(found("refresh", &given), own("refresh"));
    }

    #[test]
    fn the_ring_is_changed_where_the_template_has_it() {
        let given = [(KMS_KEY, "Other"), (TABLE, "Other"), ("SIGNING_KEYS", "x")];
        assert_eq!(found("admin", &given), own("admin"));
    }

    #[test]
    fn an_algorithm_is_the_rings_unless_the_rings_own_is_given() {
        let algorithm = |given: &[(&str, &str)]| found("login", given)[RING_ALGORITHM].clone();
        assert_eq!(algorithm(&[(ALGORITHM, "EdDSA")]), "EdDSA");
        assert_eq!(algorithm(&[(ALGORITHM, "nonsense")]), "ES256");
        assert_eq!(algorithm(&[(ALGORITHM, "HS256"), ("JWT_SECRET_KEY", "x")]), "ES256");
        assert_eq!(algorithm(&[(ALGORITHM, "EdDSA"), (RING_ALGORITHM, "RS256")]), "RS256");
    }

    #[test]
    fn an_algorithm_of_shared_secrets_needs_a_secret() {
        let check = |given: &[(&str, &str)]| {
            let given: BTreeMap<_, _> = given.iter().copied().collect();
            let given = |name: &str| given.get(name).map(|value| (*value).to_owned());
            Environments { given: &given, aws_url: URL }.check()
        };
        let refused = check(&[(ALGORITHM, "HS256")]).unwrap_err();
        assert_eq!(refused.to_string(), "JWT_ALGORITHM=HS256 needs JWT_SECRET_KEY");
        assert_eq!(check(&[(ALGORITHM, "HS256"), ("JWT_SECRET_KEY", "x")]), Ok(()));
        assert_eq!(check(&[(ALGORITHM, "RS256")]), Ok(()));
    }
}
