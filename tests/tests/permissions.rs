//! What functions may do: exactly what their code can ask for.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use auth_testkit::template_with;
use auth_tests::repository::{functions, read};

/// What each capability of the store is: the first line of its trait's documentation says it.
fn capabilities() -> BTreeMap<String, (String, String)> {
    let mut capabilities = BTreeMap::new();
    for file in ["rings", "sessions", "users", "work_items"] {
        let source = read(format!("shared/auth-store/src/{file}.rs"));
        let lines: Vec<_> = source.lines().collect();
        for pair in lines.windows(2) {
            let Some(name) = pair[1].strip_prefix("pub trait ") else { continue };
            let permission = pair[0].strip_prefix("/// `").unwrap();
            let (action, resource) = permission.split_once("` on the ").unwrap();
            let resource = match resource {
                "keys table." => "KeysTable",
                "legacy table." => "LegacyTable",
                "signing keys secret." => "SigningKeysSecret",
                "users table." => "UsersTable",
                "work items table." => "WorkItemsTable",
                other => panic!("{other} is no resource"),
            };
            let name = name.split_whitespace().next().unwrap().to_owned();
            capabilities.insert(name, (action.to_owned(), resource.to_owned()));
        }
    }
    assert_eq!(capabilities.len(), 20, "{capabilities:?}");
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
        for (variable, action, resource) in [
            ("SIGNING_KEYS_SECRET", "secretsmanager:GetSecretValue", "SigningKeysSecret"),
            ("KEYS_TABLE", "dynamodb:GetItem", "KeysTable"),
        ] {
            if function.variables.contains_key(variable) {
                needed.insert((action.to_owned(), resource.to_owned()));
            }
        }
        // Who asks for a rotation must be allowed to call the function that makes it.
        if words.contains(&"StartRotation") {
            needed.insert(("lambda:InvokeFunction".to_owned(), "local-keys".to_owned()));
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

#[test]
fn the_secret_is_for_those_who_sign_alone() {
    let may_read: BTreeSet<_> = functions()
        .into_iter()
        .filter(|(_, (_, function))| {
            let mut permissions = function.permissions.iter();
            permissions.any(|permission| permission.action.starts_with("secretsmanager:"))
        })
        .map(|(binary, _)| binary)
        .collect();
    assert_eq!(may_read, ["keys", "login", "password", "refresh"].map(str::to_owned).into());
    let may_write: BTreeSet<_> = functions()
        .into_iter()
        .filter(|(_, (_, function))| {
            function.permissions.iter().any(|permission| {
                let reads = ["secretsmanager:GetSecretValue", "dynamodb:GetItem"];
                let arn = &permission.resource;
                (arn.ends_with("SigningKeysSecret") || arn.ends_with("KeysTable"))
                    && !reads.contains(&permission.action.as_str())
            })
        })
        .map(|(binary, _)| binary)
        .collect();
    assert_eq!(may_write, ["keys".to_owned()].into());
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
