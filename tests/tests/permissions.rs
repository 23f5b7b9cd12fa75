//! What functions may do: exactly what their code can ask for.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use latchkey_testkit::template_with;
use latchkey_tests::repository::{functions, read};

/// What each capability of the store is: the first line of its trait's documentation says it.
fn capabilities() -> BTreeMap<String, (String, String)> {
    let mut capabilities = BTreeMap::new();
    for file in [
        "store/src/sessions",
        "store/src/users",
        "store/src/work_items",
        "keys/src/seal",
        "keys/src/store",
    ] {
        let source = read(format!("shared/{file}.rs"));
        let lines: Vec<_> = source.lines().collect();
        for pair in lines.windows(2) {
            let Some(name) = pair[1].strip_prefix("pub trait ") else { continue };
            let permission = pair[0].strip_prefix("/// `").unwrap();
            let (action, resource) = permission.split_once("` on the ").unwrap();
            let resource = match resource {
                "KMS key." => "KeyRingKmsKey",
                "keys table." => "KeysTable",
                "legacy table." => "LegacyTable",
                "users table." => "UsersTable",
                "work items table." => "WorkItemsTable",
                other => panic!("{other} is no resource"),
            };
            let name = name.split_whitespace().next().unwrap().to_owned();
            capabilities.insert(name, (action.to_owned(), resource.to_owned()));
        }
    }
    assert_eq!(capabilities.len(), 17, "{capabilities:?}");
    capabilities
}

#[test]
fn a_functions_policy_is_what_its_bounds_and_variables_ask_for_and_nothing_else() {
    let capabilities = capabilities();
    for (binary, (_, function)) in functions() {
        let source = read(format!("functions/{binary}/src/lib.rs"));
        let bounds = source.split("\nimpl<").nth(1).unwrap_or_default();
        let bounds = bounds.split('{').next().unwrap();
        let words: Vec<_> = bounds.split(|c: char| !c.is_alphanumeric()).collect();
        let mut needed: BTreeSet<_> = capabilities
            .iter()
            .filter(|(name, _)| words.contains(&name.as_str()))
            .map(|(_, permission)| permission.clone())
            // Only with a Flask service's keys, below.
            .filter(|(_, resource)| resource != "LegacyTable")
            .collect();
        let has = |variable: &str| function.variables.contains_key(variable);
        let is_admin = binary == "admin";
        for (is_needed, action, resource) in [
            (has("KEYS_TABLE"), "dynamodb:GetItem", "KeysTable"),
            (has("KMS_KEY_ARN") && !is_admin, "kms:Decrypt", "KeyRingKmsKey"),
            // The first ring.
            (has("SIGNING_ALGORITHM"), "dynamodb:PutItem", "KeysTable"),
            (has("SIGNING_ALGORITHM"), "kms:Encrypt", "KeyRingKmsKey"),
        ] {
            if is_needed {
                needed.insert((action.to_owned(), resource.to_owned()));
            }
        }
        let granted: BTreeSet<_> = function
            .permissions
            .iter()
            .map(|permission| {
                let resource = permission.resource.rsplit(':').next().unwrap();
                (permission.action.clone(), resource.to_owned())
            })
            .collect();
        assert_eq!(granted, needed, "{binary}");
        assert!(granted.iter().all(|(action, _)| !action.contains('*')), "{binary}");
    }
}

/// The functions that may do `action` on a resource.
fn allowed(action: &str, resource: &str) -> BTreeSet<String> {
    let functions = functions().into_iter().filter(|(_, (_, function))| {
        let mut permissions = function.permissions.iter();
        permissions.any(|permission| {
            permission.action == action && permission.resource.ends_with(resource)
        })
    });
    functions.map(|(binary, _)| binary).collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn private_keys_are_opened_by_functions_that_sign_and_sealed_by_those_that_make_them() {
    assert_eq!(allowed("kms:Decrypt", "KeyRingKmsKey"), names(["login", "password", "refresh"]));
    assert_eq!(allowed("kms:Encrypt", "KeyRingKmsKey"), names(["admin", "login"]));
    assert_eq!(allowed("dynamodb:PutItem", "KeysTable"), names(["admin", "login"]));
    for (binary, (_, function)) in functions() {
        let on_kms = function.permissions.iter().filter(|one| one.action.starts_with("kms:"));
        let expected = usize::from(["admin", "password", "refresh"].contains(&binary.as_str()))
            + 2 * usize::from(binary == "login");
        assert_eq!(on_kms.count(), expected, "{binary}");
        let on_keys = function.permissions.iter().filter(|one| one.resource.ends_with("KeysTable"));
        for permission in on_keys {
            assert!(["dynamodb:GetItem", "dynamodb:PutItem"].contains(&&*permission.action));
        }
    }
}

#[test]
fn a_kms_key_of_the_operators_takes_the_place_of_the_stacks() {
    let arn = "arn:aws:kms:eu-west-1:123456789012:key/own";
    for (name, function) in template_with(&[("KmsKeyArn", arn)]).functions {
        let variable = function.variables.get("KMS_KEY_ARN");
        assert!(variable.is_none_or(|value| value == arn), "{name}");
        let mut on_kms = function.permissions.iter().filter(|one| one.action.starts_with("kms:"));
        assert!(on_kms.all(|permission| permission.resource == arn), "{name}");
    }
}

#[test]
fn a_flask_services_keys_and_identities_are_for_those_who_take_its_tokens() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:flask-AbCdEf";
    for given in [&[("FlaskKeysSecretArn", arn)][..], &[]] {
        for (_, function) in template_with(given).functions {
            let may = |action: &str, resource: &str| {
                let mut permissions = function.permissions.iter();
                permissions.any(|permission| {
                    permission.action == action && permission.resource.ends_with(resource)
                })
            };
            let is_set =
                |name: &str| function.variables.get(name).is_some_and(|value| !value.is_empty());
            let reads_keys = is_set("FLASK_KEYS_SECRET");
            assert_eq!(may("secretsmanager:GetSecretValue", "flask-AbCdEf"), reads_keys);
            assert_eq!(is_set("LEGACY_TABLE"), reads_keys, "{function:?}");
            assert_eq!(may("dynamodb:GetItem", "LegacyTable"), reads_keys, "{function:?}");
        }
    }
}
