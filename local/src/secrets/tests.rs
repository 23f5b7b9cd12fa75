use std::{fs, os::unix::fs::PermissionsExt as _};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const SECRET: &str = "Keys";
const A: &str = "a-version-of-the-secret-in-32-chars";
const B: &str = "b-version-of-the-secret-in-32-chars";
const C: &str = "c-version-of-the-secret-in-32-chars";

fn declared(initial: Option<&str>) -> BTreeMap<String, Secret> {
    let rotated_by = Some("KeysFunction".to_owned());
    let secret = Secret { initial: initial.map(SecretString::from), rotated_by };
    BTreeMap::from([(SECRET.to_owned(), secret)])
}

/// A secret without any version.
fn empty() -> Secrets {
    Secrets::memory(&declared(None)).unwrap()
}

/// A secret whose current version is `A` with the value `a`.
fn with_a() -> Secrets {
    let secrets = empty();
    put(&secrets, A, "a", None).unwrap();
    secrets
}

fn call(secrets: &Secrets, operation: &str, mut request: Value) -> Result<Value, &'static str> {
    request["SecretId"] = SECRET.into();
    let answer = secrets.answer(operation, request.to_string().as_bytes());
    answer.map_err(|error| error.code())
}

fn put(
    secrets: &Secrets,
    version: &str,
    value: &str,
    stages: Option<&[&str]>,
) -> Result<Value, &'static str> {
    let mut request = json!({ "ClientRequestToken": version, "SecretString": value });
    if let Some(stages) = stages {
        request["VersionStages"] = json!(stages);
    }
    call(secrets, "PutSecretValue", request)
}

fn get(secrets: &Secrets, request: Value) -> Result<String, &'static str> {
    let answer = call(secrets, "GetSecretValue", request)?;
    Ok(answer["SecretString"].as_str().unwrap().to_owned())
}

fn move_stage(secrets: &Secrets, request: Value) -> Result<Value, &'static str> {
    call(secrets, "UpdateSecretVersionStage", request)
}

fn stages(secrets: &Secrets) -> Value {
    call(secrets, "DescribeSecret", json!({})).unwrap()["VersionIdsToStages"].clone()
}

#[test]
fn a_new_value_is_current_and_the_one_before_it_previous() {
    let secrets = with_a();
    let answer = put(&secrets, B, "b", None).unwrap();
    assert_eq!(
        (&answer["VersionId"], &answer["VersionStages"]),
        (&json!(B), &json!(["AWSCURRENT"]))
    );
    assert_eq!(stages(&secrets), json!({ A: ["AWSPREVIOUS"], B: ["AWSCURRENT"] }));
    put(&secrets, C, "c", None).unwrap();
    assert_eq!(stages(&secrets), json!({ B: ["AWSPREVIOUS"], C: ["AWSCURRENT"] }));
}

#[test]
fn a_value_is_found_by_its_version_its_stage_or_both_if_they_agree() {
    let secrets = with_a();
    put(&secrets, B, "b", Some(&["AWSPENDING"])).unwrap();
    assert_eq!(get(&secrets, json!({})).unwrap(), "a");
    assert_eq!(get(&secrets, json!({ "VersionId": B })).unwrap(), "b");
    assert_eq!(get(&secrets, json!({ "VersionStage": "AWSPENDING" })).unwrap(), "b");
    let both = |id: &str| json!({ "VersionId": id, "VersionStage": "AWSPENDING" });
    assert_eq!(get(&secrets, both(B)).unwrap(), "b");
    assert_eq!(get(&secrets, both(A)), Err("InvalidRequestException"));
    for missing in [json!({ "VersionId": C }), json!({ "VersionStage": "AWSPREVIOUS" }), both(C)] {
        assert_eq!(get(&secrets, missing), Err("ResourceNotFoundException"));
    }
    assert_eq!(get(&empty(), json!({})), Err("ResourceNotFoundException"));
}

#[test]
fn the_first_version_of_a_secret_is_current_whatever_is_asked() {
    let secrets = empty();
    put(&secrets, A, "a", Some(&["AWSPENDING"])).unwrap();
    assert_eq!(stages(&secrets), json!({ A: ["AWSCURRENT", "AWSPENDING"] }));
}

#[test]
fn a_value_that_is_put_again_changes_nothing_and_another_is_refused() {
    let secrets = with_a();
    put(&secrets, B, "b", None).unwrap();
    put(&secrets, A, "a", None).unwrap();
    assert_eq!(stages(&secrets), json!({ A: ["AWSPREVIOUS"], B: ["AWSCURRENT"] }));
    assert_eq!(put(&secrets, A, "b", None), Err("ResourceExistsException"));
    assert_eq!(get(&secrets, json!({ "VersionId": A })).unwrap(), "a");
}

#[test]
fn the_limits_of_a_value_and_of_its_names_are_awss() {
    let secrets = empty();
    for (version, value, stages, code) in [
        ("short", "a", None, "InvalidParameterException"),
        (&*"x".repeat(65), "a", None, "InvalidParameterException"),
        (A, "", None, "ValidationException"),
        (A, &*"x".repeat(65_537), None, "ValidationException"),
        (A, "a", Some(&[][..]), "ValidationException"),
    ] {
        assert_eq!(put(&secrets, version, value, stages), Err(code));
    }
    put(&secrets, A, &"x".repeat(65_536), None).unwrap();
}

#[test]
fn a_stage_moves_from_where_the_caller_says_it_is_or_stays() {
    let secrets = with_a();
    put(&secrets, B, "b", Some(&["AWSPENDING"])).unwrap();
    let before = stages(&secrets);
    for (from, to) in [(None, Some(B)), (Some(B), Some(B)), (Some(A), None), (Some(C), None)] {
        let request = json!({
            "VersionStage": "AWSCURRENT", "RemoveFromVersionId": from, "MoveToVersionId": to,
        });
        assert_eq!(move_stage(&secrets, request), Err("InvalidParameterException"), "{from:?}");
    }
    let nowhere = json!({
        "VersionStage": "AWSCURRENT", "RemoveFromVersionId": A, "MoveToVersionId": C,
    });
    assert_eq!(move_stage(&secrets, nowhere), Err("ResourceNotFoundException"));
    assert_eq!(stages(&secrets), before);

    let good = json!({
        "VersionStage": "AWSCURRENT", "RemoveFromVersionId": A, "MoveToVersionId": B,
    });
    move_stage(&secrets, good.clone()).unwrap();
    let after = json!({ A: ["AWSPREVIOUS"], B: ["AWSCURRENT", "AWSPENDING"] });
    assert_eq!(stages(&secrets), after);
    assert_eq!(move_stage(&secrets, good), Err("InvalidParameterException"), "no longer there");
    let again = json!({ "VersionStage": "AWSCURRENT", "MoveToVersionId": B });
    move_stage(&secrets, again).unwrap();
    assert_eq!(stages(&secrets), after);
}

#[test]
fn the_current_version_may_become_the_one_before_again() {
    let secrets = with_a();
    put(&secrets, B, "b", None).unwrap();
    let back = json!({
        "VersionStage": "AWSCURRENT", "RemoveFromVersionId": B, "MoveToVersionId": A,
    });
    move_stage(&secrets, back).unwrap();
    assert_eq!(stages(&secrets), json!({ A: ["AWSCURRENT"], B: ["AWSPREVIOUS"] }));
}

#[test]
fn a_stage_that_is_taken_away_leaves_a_version_that_nobody_lists() {
    let secrets = with_a();
    put(&secrets, B, "b", Some(&["AWSPENDING"])).unwrap();
    let away = json!({ "VersionStage": "AWSPENDING", "RemoveFromVersionId": B });
    move_stage(&secrets, away.clone()).unwrap();
    assert_eq!(stages(&secrets), json!({ A: ["AWSCURRENT"] }));
    assert_eq!(get(&secrets, json!({ "VersionId": B })).unwrap(), "b");
    assert_eq!(move_stage(&secrets, away), Err("InvalidParameterException"));
    let unsaid = json!({ "VersionStage": "AWSPENDING" });
    assert_eq!(move_stage(&secrets, unsaid), Err("InvalidParameterException"));
}

#[test]
fn a_rotation_begins_with_a_version_that_has_no_value_yet() {
    let secrets = with_a();
    secrets.begin_rotation(SECRET, B).unwrap();
    assert_eq!(stages(&secrets), json!({ A: ["AWSCURRENT"], B: ["AWSPENDING"] }));
    assert_eq!(secrets.unfinished_rotation(SECRET).as_deref(), Some(B));
    assert_eq!(get(&secrets, json!({ "VersionId": B })), Err("ResourceNotFoundException"));
    let early = json!({
        "VersionStage": "AWSCURRENT", "RemoveFromVersionId": A, "MoveToVersionId": B,
    });
    assert_eq!(move_stage(&secrets, early.clone()), Err("ResourceNotFoundException"));
    put(&secrets, B, "b", Some(&["AWSPENDING"])).unwrap();
    move_stage(&secrets, early).unwrap();
    assert_eq!(secrets.unfinished_rotation(SECRET), None);
    assert_eq!(get(&secrets, json!({})).unwrap(), "b");
}

#[test]
fn one_rotation_at_a_time_may_be_unfinished() {
    let secrets = with_a();
    secrets.begin_rotation(SECRET, B).unwrap();
    secrets.begin_rotation(SECRET, B).unwrap();
    let refused = secrets.begin_rotation(SECRET, C).unwrap_err();
    assert_eq!(refused.code(), "InvalidRequestException");
    assert!(refused.to_string().starts_with("A previous rotation isn't complete."), "{refused}");
    let cancelled = json!({ "VersionStage": "AWSPENDING", "RemoveFromVersionId": B });
    move_stage(&secrets, cancelled).unwrap();
    secrets.begin_rotation(SECRET, C).unwrap();
}

#[test]
fn old_versions_in_no_stage_are_dropped_at_last() {
    let secrets = with_a();
    let version = |number: usize| format!("{number:032}");
    for number in 0..200 {
        put(&secrets, &version(number), &number.to_string(), None).unwrap();
    }
    for gone in [A, &version(0), &version(99)] {
        let found = get(&secrets, json!({ "VersionId": gone }));
        assert_eq!(found, Err("ResourceNotFoundException"), "{gone}");
    }
    assert_eq!(get(&secrets, json!({ "VersionId": version(100) })).unwrap(), "100");
    assert_eq!(get(&secrets, json!({})).unwrap(), "199");
}

#[test]
fn a_secret_is_named_by_its_name_or_an_arn_that_ends_with_it() {
    let secrets = with_a();
    let get = |id: &str| {
        let request = json!({ "SecretId": id }).to_string();
        secrets.answer("GetSecretValue", request.as_bytes()).map_err(|error| error.code())
    };
    assert_eq!(get("arn:aws:local:us-east-1:123456789012:Keys").unwrap()["Name"], SECRET);
    assert_eq!(get("Other"), Err("ResourceNotFoundException"));
}

#[test]
fn what_is_no_request_is_refused_without_repeating_it() {
    let refused =
        |operation, request: &str| empty().answer(operation, request.as_bytes()).unwrap_err();
    let error = refused("PutSecretValue", r#"{"SecretId":"Keys","SecretString":["hush"]}"#);
    assert_eq!(error.code(), "SerializationException");
    assert!(!error.to_string().contains("hush"), "{error}");
    assert_eq!(refused("DeleteSecret", "{}").code(), "UnknownOperationException");
}

#[test]
fn no_value_is_printed() {
    let secrets = Secrets::memory(&declared(Some("hush"))).unwrap();
    assert!(!format!("{secrets:?} {:?}", declared(Some("hush"))).contains("hush"));
}

#[test]
fn what_is_kept_is_there_after_a_restart_and_only_for_its_owner() {
    let folder = TempDir::new().unwrap();
    let secrets = Secrets::open(folder.path(), &declared(Some("first"))).unwrap();
    put(&secrets, A, "a", None).unwrap();
    secrets.begin_rotation(SECRET, B).unwrap();
    let kept = stages(&secrets);
    drop(secrets);

    let secrets = Secrets::open(folder.path(), &declared(Some("first"))).unwrap();
    assert_eq!(stages(&secrets), kept);
    assert_eq!(secrets.value(SECRET).unwrap().expose_secret(), "a");
    assert_eq!(get(&secrets, json!({ "VersionStage": "AWSPREVIOUS" })).unwrap(), "first");
    assert_eq!(secrets.rotated_by(SECRET), Some("KeysFunction"));
    let mode = fs::metadata(folder.path().join("secrets.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_change_that_cannot_be_kept_is_not_made() {
    let folder = TempDir::new().unwrap();
    let secrets = Secrets::open(folder.path(), &declared(Some("first"))).unwrap();
    folder.close().unwrap();
    assert_eq!(put(&secrets, A, "a", None), Err("InternalServiceError"));
    assert_eq!(secrets.value(SECRET).unwrap().expose_secret(), "first");
}

#[test]
fn a_broken_file_is_refused_without_repeating_it() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("secrets.json"), r#"{"Keys":"hush"}"#).unwrap();
    let refused = Secrets::open(folder.path(), &declared(None)).unwrap_err().to_string();
    assert!(refused.contains("secrets.json, line 1"), "{refused}");
    assert!(!refused.contains("hush"), "{refused}");
}

#[test]
fn keys_of_an_earlier_version_are_the_first_value() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("signing-keys.json"), "former").unwrap();
    let open = || Secrets::open(folder.path(), &declared(Some("first"))).unwrap();
    assert_eq!(open().value(SECRET).unwrap().expose_secret(), "former");
    put(&open(), A, "a", None).unwrap();
    assert_eq!(open().value(SECRET).unwrap().expose_secret(), "a");
}
