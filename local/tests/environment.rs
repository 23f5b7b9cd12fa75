//! The environment variables of functions.
#![cfg(test)]

use std::collections::BTreeMap;

use local::{environment::Environments, template::Function};

const URL: &str = "http://127.0.0.1:1";

type Variables = BTreeMap<String, String>;

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> Variables {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn function(binary: &str, variables: Variables) -> Function {
    Function {
        lowest_log_level: None,
        name: binary.to_owned(),
        binary: binary.to_owned(),
        memory: 256,
        timeout: 2,
        variables,
        permissions: Vec::new(),
    }
}

fn with_given<T>(given: &[(&str, &str)], test: impl FnOnce(Environments<'_>) -> T) -> T {
    let given: BTreeMap<_, _> = given.iter().copied().collect();
    let given = |name: &str| given.get(name).map(|value| (*value).to_owned());
    test(Environments { given: &given, aws_url: URL })
}

/// The variables of a function with the template's keys, without the AWS endpoints.
fn variables_with(binary: &str, given: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut found = with_given(given, |all| all.of(&function(binary, from_template(binary))));
    for (variable, is_expected) in [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", found.contains_key("SIGNING_KEYS_SECRET")),
        ("AWS_ENDPOINT_URL_KMS", found.contains_key("KMS_KEY_ARN")),
    ] {
        let url = found.remove(variable);
        assert_eq!(url.as_deref(), is_expected.then_some(URL), "{binary}: {variable}");
    }
    found
}

/// The variables that the template sets.
fn from_template(binary: &str) -> BTreeMap<String, String> {
    let table = ("KEYS_TABLE", "Table");
    let kms_key = ("KMS_KEY_ARN", "Key");
    match binary {
        "admin" | "login" => variables([table, kms_key, ("SIGNING_ALGORITHM", "ES256")]),
        "refresh" => variables([table, kms_key]),
        _ => variables([table]),
    }
}

#[test]
fn functions_have_the_table_of_the_ring_and_signers_the_kms_key() {
    for binary in ["admin", "login", "refresh", "protected"] {
        assert_eq!(variables_with(binary, &[]), from_template(binary));
    }
}

#[test]
fn functions_that_accept_flask_tokens_have_the_legacy_table() {
    let function = function("protected", variables([("LEGACY_TABLE", "")]));
    let table =
        |given: &[(&str, &str)]| with_given(given, |all| all.of(&function)["LEGACY_TABLE"].clone());
    assert_eq!(table(&[]), "LegacyTable");
    assert_eq!(table(&[("LEGACY_TABLE", "Other")]), "Other");
}

#[test]
fn static_keys_replace_the_ring() {
    for name in ["SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY", "SIGNING_KEYS_SECRET"] {
        for binary in ["refresh", "protected", "discovery"] {
            assert_eq!(
                variables_with(binary, &[(name, "x")]),
                variables([(name, "x")]),
                "{binary}"
            );
        }
    }
}

#[test]
fn a_public_key_replaces_the_ring_only_in_verifiers() {
    let given = [("JWT_PUBLIC_KEY", "pem")];
    assert_eq!(variables_with("protected", &given), variables(given));
    assert_eq!(variables_with("refresh", &given), from_template("refresh"));
}

#[test]
fn admin_always_manages_the_ring_of_the_template() {
    let given = [("KMS_KEY_ARN", "Other"), ("KEYS_TABLE", "Other"), ("SIGNING_KEYS", "x")];
    assert_eq!(variables_with("admin", &given), from_template("admin"));
}

#[test]
fn jwt_algorithm_sets_the_algorithm_of_the_ring_unless_that_is_given() {
    let algorithm =
        |given: &[(&str, &str)]| variables_with("login", given)["SIGNING_ALGORITHM"].clone();
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "EdDSA")]), "EdDSA");
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "nonsense")]), "ES256");
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "HS256"), ("JWT_SECRET_KEY", "x")]), "ES256");
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "EdDSA"), ("SIGNING_ALGORITHM", "RS256")]), "RS256");
}

#[test]
fn an_hmac_algorithm_needs_a_shared_secret() {
    let check = |given: &[(&str, &str)]| with_given(given, |all| all.check());
    let refused = check(&[("JWT_ALGORITHM", "HS256")]).unwrap_err();
    assert_eq!(refused.to_string(), "JWT_ALGORITHM=HS256 needs JWT_SECRET_KEY");
    assert_eq!(check(&[("JWT_ALGORITHM", "HS256"), ("JWT_SECRET_KEY", "x")]), Ok(()));
    assert_eq!(check(&[("JWT_ALGORITHM", "RS256")]), Ok(()));
}
