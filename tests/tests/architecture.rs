//! Allowed dependencies between crates, checked with `cargo metadata` and `cargo tree`.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use latchkey_tests::stack::workspace;
use serde_json::Value;

/// The workspace crates that a crate may depend on outside of its tests.
const ALLOWED: [(&str, &[&str]); 15] = [
    ("latchkey-precis", &[]),
    ("latchkey-token", &[]),
    ("latchkey-password", &["precis"]),
    ("latchkey-session", &["precis", "token"]),
    ("latchkey-keys", &["session", "token"]),
    ("latchkey-http", &["session", "token"]),
    ("latchkey-guard", &["http", "keys", "session", "token"]),
    ("latchkey-store", &["keys", "session", "token"]),
    ("latchkey-config", &["guard", "http", "keys", "session", "store", "token"]),
    ("latchkey-cli", &["keys", "session", "token"]),
    ("local", &["config", "password", "token"]),
    ("latchkey-testkit", &["guard", "http", "keys", "local", "session", "store", "token"]),
    (
        "latchkey-tests",
        &[
            "guard", "http", "keys", "local", "login", "password", "session", "store", "testkit",
            "token",
        ],
    ),
    ("axum-guard", &["guard", "keys", "token"]),
    ("guarded-function", &["config", "guard", "http", "session", "store", "token"]),
];

/// The workspace crates that a function may depend on.
const ALLOWED_TO_FUNCTIONS: &[&str] =
    &["config", "guard", "http", "keys", "password", "session", "store", "token"];

/// Crates that the guard must not depend on.
const TOO_HEAVY_FOR_THE_GUARD: [&str; 4] = ["argon2", "xorf", "aws-config", "aws-sdk-dynamodb"];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(arguments)
        .args(["--locked", "--offline"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps"])).unwrap()
}

fn packages(metadata: &Value) -> BTreeMap<&str, &Value> {
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (package["name"].as_str().unwrap(), package)).collect()
}

fn functions<'a>(packages: &BTreeMap<&'a str, &Value>) -> BTreeSet<&'a str> {
    let is_function =
        |package: &Value| package["manifest_path"].as_str().unwrap().contains("/functions/");
    packages.iter().filter(|(_, package)| is_function(package)).map(|(name, _)| *name).collect()
}

#[test]
fn crates_depend_downwards_only() {
    let metadata = metadata();
    let packages = packages(&metadata);
    let functions = functions(&packages);
    let allowed: BTreeMap<_, _> = ALLOWED
        .into_iter()
        .chain(functions.iter().map(|name| (*name, ALLOWED_TO_FUNCTIONS)))
        .collect();
    assert_eq!(packages.keys().collect::<Vec<_>>(), allowed.keys().collect::<Vec<_>>());
    for (name, package) in &packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            if dependency["kind"] == "dev" || !packages.contains_key(used) {
                continue;
            }
            let short = used.strip_prefix("latchkey-").unwrap_or(used);
            assert!(allowed[name].contains(&short), "{name} depends on {used}");
        }
    }
}

#[test]
fn the_deployed_packages_are_the_functions() {
    let metadata = metadata();
    let functions = functions(&packages(&metadata));
    let members = metadata["workspace_default_members"].as_array().unwrap();
    let deployed: BTreeSet<_> = members
        .iter()
        .map(|id| id.as_str().unwrap().split('#').next().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(deployed, functions);
}

#[test]
fn the_guard_depends_neither_on_password_hashing_nor_on_the_aws_sdk() {
    let tree = ["tree", "--package=latchkey-guard", "--edges=normal,build", "--prefix=none"];
    let tree = cargo(&[&tree[..], &["--format={lib}"]].concat());
    let compiled: BTreeSet<_> =
        tree.lines().map(|name| name.split(' ').next().unwrap().replace('_', "-")).collect();
    assert!(compiled.contains("latchkey-token"), "{compiled:?}");
    for name in TOO_HEAVY_FOR_THE_GUARD {
        assert!(!compiled.contains(name), "{name}");
    }
}
