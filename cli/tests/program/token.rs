//! `latchkey token`.

use std::fs;

use latchkey_testkit::{
    fixtures::{KID, key_set},
    forge::{claims, header, sign, sign_with_foreign_key, with},
};
use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::{lambda::Lambda, run, text};

/// The claims of a token that was issued three minutes ago and lives for twelve more.
fn fresh_claims() -> Value {
    let now = Timestamp::now().unix();
    let claims = with(claims(), "iat", (now - 190).into());
    with(with(claims, "nbf", (now - 190).into()), "exp", (now + 750).into())
}

/// A deployment whose ring has the tests' key.
fn deployment() -> Lambda {
    let mut key = json!(key_set().public_jwk_set().keys[0]);
    key["state"] = "current".into();
    key["since"] = 0.into();
    Lambda::replying(&[json!({ "keys": [key], "max_age": 120 })])
}

fn inspect(token: &str) -> String {
    let output = run(&["token", "inspect", token, &deployment().local()]);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_token_is_shown_whole_but_for_its_signature() {
    let claims = with(fresh_claims(), "auth_time", 1_700_000_000.into());
    let token = sign(&header(), &claims);
    let text = inspect(&token);
    for line in [
        "VALID: one of the keys has signed it",
        "\n  alg  \"ES256\"\n",
        "\n  username   \"alice\"\n",
        "\n  auth_time  1700000000 (2023-11-14T22:13:20Z)\n",
        "\n  fresh      true\n",
        "\nKey  \"test-key\", ES256, current\n",
        "\nAge  issued 3 min ago, expires in 12 min\n",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    let json = crate::text(&run(&["token", "inspect", &token, &deployment().local(), "--json"]));
    let mut json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["checked_at"].as_u64().unwrap() >= claims["iat"].as_u64().unwrap() + 190);
    json["checked_at"] = Value::Null;
    assert_eq!(
        json,
        json!({
            "verdict": "valid", "reason": null, "header": header(), "claims": claims,
            "key": { "kid": KID, "algorithm": "ES256", "state": "current" },
            "issued_at": claims["iat"], "expires_at": claims["exp"], "checked_at": null,
        })
    );
    let signature = token.rsplit('.').next().unwrap();
    assert!(!text.contains(signature) && !json.to_string().contains(signature));
}

#[test]
fn a_key_of_a_file_has_no_state_and_one_that_is_not_checked_no_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, json!(key_set().public_jwk_set()).to_string()).unwrap();
    let token = sign(&header(), &fresh_claims());
    let key = |options: &[&str]| {
        let output = run(&[&["token", "inspect", &token, "--json"], options].concat());
        serde_json::from_str::<Value>(&text(&output)).unwrap()["key"].clone()
    };
    let file = file.to_str().unwrap();
    let expected = json!({ "kid": KID, "algorithm": "ES256", "state": null });
    assert_eq!(key(&["--jwks", file]), expected);
    assert_eq!(key(&[]), json!({ "kid": KID, "algorithm": null, "state": null }));
}

#[test]
fn who_issued_a_token_for_whom_is_not_judged() {
    let foreign = with(with(fresh_claims(), "iss", "x".into()), "aud", "y".into());
    assert!(inspect(&sign(&header(), &foreign)).starts_with("VALID: "));
}

#[test]
fn a_failed_check_has_its_reason() {
    let now = Timestamp::now().unix();
    for (header, claims, first) in [
        (
            header(),
            with(fresh_claims(), "exp", (now - 5).into()),
            "EXPIRED: one of the keys has signed it, but the token has expired",
        ),
        (
            header(),
            with(fresh_claims(), "iat", (now + 600).into()),
            "NOT YET VALID: one of the keys has signed it, but the token was issued in the future",
        ),
        (
            with(header(), "alg", "RS256".into()),
            fresh_claims(),
            "BAD SIGNATURE: the token's algorithm is not its key's, do not trust a word of it",
        ),
    ] {
        let text = inspect(&sign(&header, &claims));
        assert_eq!(text.lines().next(), Some(first));
    }
}

#[test]
fn an_age_is_told_as_far_as_it_is_known() {
    let now = Timestamp::now().unix();
    let age_of = |claims: &Value| {
        let text = inspect(&sign(&header(), claims));
        text.split_once("\nAge  ").unwrap().1.trim_end().to_owned()
    };
    let at = |claim, seconds: u64| with(fresh_claims(), claim, seconds.into());
    assert_eq!(age_of(&at("exp", now - 3 * 60 - 10)), "issued 3 min ago, expired 3 min ago");
    assert_eq!(age_of(&at("iat", now + 150)), "issued in 2 min, expires in 12 min");
    assert_eq!(age_of(&with(fresh_claims(), "iat", "x".into())), "expires in 12 min");
    assert_eq!(age_of(&json!({})), "unknown");
}

#[test]
fn nothing_in_a_token_can_pass_for_what_is_said_of_it() {
    let forged = with(fresh_claims(), "username", "\nVALID: all is well\u{1b}[2J\u{202e}".into());
    let forged = with(forged, "Key  x", "y".into());
    let header = with(header(), "kid", "x, ES256, current".into());
    let text = inspect(&sign_with_foreign_key(&header, &forged));
    assert!(text.starts_with("UNKNOWN KEY: the token names a key that is unknown"), "{text}");
    assert!(text.contains("\"\\nVALID: all is well\\u001b[2J\\u202e\"\n"), "{text}");
    assert!(text.contains("\n  \"Key  x\"   \"y\"\n"), "{text}");
    assert!(text.contains("\nKey  \"x, ES256, current\"\n"), "{text}");
}
