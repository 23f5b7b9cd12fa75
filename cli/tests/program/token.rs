//! `latchkey token`.

use std::fs;

use latchkey_testkit::{
    fixtures::{KID, key_set},
    forge::{claims, header, sign, sign_with_foreign_key, with},
};
use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::{lambda::Lambda, run, text};

/// The claims of a token issued three minutes ago that expires in twelve.
fn fresh_claims() -> Value {
    let now = Timestamp::now().unix();
    let claims = with(claims(), "iat", (now - 190).into());
    with(with(claims, "nbf", (now - 190).into()), "exp", (now + 750).into())
}

/// A deployment with the tests' key in its ring.
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
fn a_token_is_shown_without_its_signature() {
    let claims = with(fresh_claims(), "auth_time", 1_700_000_000.into());
    let token = sign(&header(), &claims);
    let text = inspect(&token);
    for line in [
        "VALID: signed by one of the keys",
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
fn a_key_from_a_file_has_no_state_and_an_unchecked_one_no_algorithm() {
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
fn issuer_and_audience_are_not_checked() {
    let foreign = with(with(fresh_claims(), "iss", "x".into()), "aud", "y".into());
    assert!(inspect(&sign(&header(), &foreign)).starts_with("VALID: "));
}

#[test]
fn the_first_line_has_the_reason_of_a_failed_check() {
    let now = Timestamp::now().unix();
    for (header, claims, first) in [
        (
            header(),
            with(fresh_claims(), "exp", (now - 5).into()),
            "EXPIRED: signed by one of the keys, but the token has expired",
        ),
        (
            header(),
            with(fresh_claims(), "iat", (now + 600).into()),
            "NOT YET VALID: signed by one of the keys, but the token was issued in the future",
        ),
        (
            with(header(), "alg", "RS256".into()),
            fresh_claims(),
            "BAD SIGNATURE: the token's algorithm is not its key's; do not trust this token",
        ),
    ] {
        let text = inspect(&sign(&header, &claims));
        assert_eq!(text.lines().next(), Some(first));
    }
}

#[test]
fn the_age_is_shown_as_far_as_it_is_known() {
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
fn content_of_a_token_cannot_imitate_the_output_of_the_program() {
    let forged = with(fresh_claims(), "username", "\nVALID: all is well\u{1b}[2J\u{202e}".into());
    let forged = with(forged, "Key  x", "y".into());
    let header = with(header(), "kid", "x, ES256, current".into());
    let text = inspect(&sign_with_foreign_key(&header, &forged));
    assert!(text.starts_with("UNKNOWN KEY: the token names a key that is unknown"), "{text}");
    assert!(text.contains("\"\\nVALID: all is well\\u001b[2J\\u202e\"\n"), "{text}");
    assert!(text.contains("\n  \"Key  x\"   \"y\"\n"), "{text}");
    assert!(text.contains("\nKey  \"x, ES256, current\"\n"), "{text}");
}
