//! The variables of functions.
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

/// What a function that the template gives its usual keys finds, without where AWS is.
fn found(binary: &str, given: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut found = with_given(given, |all| all.of(&function(binary, own(binary))));
    for (variable, needs_it) in [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", found.contains_key("SIGNING_KEYS_SECRET")),
        ("AWS_ENDPOINT_URL_KMS", found.contains_key("KMS_KEY_ARN")),
    ] {
        let url = found.remove(variable);
        assert_eq!(url.as_deref(), needs_it.then_some(URL), "{binary}: {variable}");
    }
    found
}

/// What the template gives.
fn own(binary: &str) -> BTreeMap<String, String> {
    let table = ("KEYS_TABLE", "Table");
    let kms_key = ("KMS_KEY_ARN", "Key");
    match binary {
        "admin" | "login" => variables([table, kms_key, ("SIGNING_ALGORITHM", "ES256")]),
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
    let function = function("protected", variables([("LEGACY_TABLE", "")]));
    let table =
        |given: &[(&str, &str)]| with_given(given, |all| all.of(&function)["LEGACY_TABLE"].clone());
    assert_eq!(table(&[]), "LegacyTable");
    assert_eq!(table(&[("LEGACY_TABLE", "Other")]), "Other");
}

#[test]
fn static_keys_take_the_place_of_the_ring() {
    for name in ["SIGNING_KEYS", "JWT_SECRET_KEY", "JWT_PRIVATE_KEY", "SIGNING_KEYS_SECRET"] {
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
    let given = [("KMS_KEY_ARN", "Other"), ("KEYS_TABLE", "Other"), ("SIGNING_KEYS", "x")];
    assert_eq!(found("admin", &given), own("admin"));
}

#[test]
fn an_algorithm_is_the_rings_unless_the_rings_own_is_given() {
    let algorithm = |given: &[(&str, &str)]| found("login", given)["SIGNING_ALGORITHM"].clone();
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "EdDSA")]), "EdDSA");
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "nonsense")]), "ES256");
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "HS256"), ("JWT_SECRET_KEY", "x")]), "ES256");
    assert_eq!(algorithm(&[("JWT_ALGORITHM", "EdDSA"), ("SIGNING_ALGORITHM", "RS256")]), "RS256");
}

#[test]
fn an_algorithm_of_shared_secrets_needs_a_secret() {
    let check = |given: &[(&str, &str)]| with_given(given, |all| all.check());
    let refused = check(&[("JWT_ALGORITHM", "HS256")]).unwrap_err();
    assert_eq!(refused.to_string(), "JWT_ALGORITHM=HS256 needs JWT_SECRET_KEY");
    assert_eq!(check(&[("JWT_ALGORITHM", "HS256"), ("JWT_SECRET_KEY", "x")]), Ok(()));
    assert_eq!(check(&[("JWT_ALGORITHM", "RS256")]), Ok(()));
}
