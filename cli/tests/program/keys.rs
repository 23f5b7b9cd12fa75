//! `latchkey keys`.

use std::process::Output;

use latchkey_token::Timestamp;
use serde_json::{Value, json};

use crate::{
    failure,
    lambda::{Lambda, report},
    run, text,
};

const DAY: u64 = 86_400;

/// A Unix time 10 s more than `seconds` ago.
fn ago(seconds: u64) -> u64 {
    Timestamp::now().unix() - seconds - 10
}

fn run_on(lambda: &Lambda, arguments: &[&str]) -> Output {
    run(&[arguments, &[&lambda.local()]].concat())
}

#[test]
fn keys_are_listed_as_a_table() {
    let ring = [("key-a", "current"), ("é", "next"), ("key-c", "previous")];
    let mut report = report(&ring, ago(3 * DAY));
    report["retired"] = json!([{ "kid": "key-d", "at": ago(2 * DAY) }]);
    let expected = "\
KEY    ALGORITHM  STATE     SINCE    UNTIL
key-a  EdDSA      current   3 d ago  -
é      EdDSA      next      3 d ago  -
key-c  EdDSA      previous  3 d ago  in 27 d
key-d  -          retired   2 d ago  -
";
    assert_eq!(text(&run_on(&Lambda::replying(&[report]), &["keys", "list"])), expected);
}

#[test]
fn control_characters_of_a_key_id_are_escaped() {
    for (kid, expected) in [
        ("Zoë 🔑 \"\\", "Zoë 🔑 \"\\"),
        ("\u{1b}[31m", "\\u001b[31m"),
        ("a\nb\r\t\0\u{7f}", "a\\u000ab\\u000d\\u0009\\u0000\\u007f"),
        ("\u{9b}2J", "\\u009b2J"),
        ("\u{202e}txt\u{2066}", "\\u202etxt\\u2066"),
        ("\u{e0041}", "\\udb40\\udc41"),
    ] {
        let lambda = Lambda::replying(&[report(&[(kid, "current")], ago(DAY))]);
        let table = text(&run_on(&lambda, &["keys", "list"]));
        assert!(table.contains(&format!("\n{expected}  EdDSA")), "{table:?}");
        let json = text(&run_on(&lambda, &["keys", "list", "--json"]));
        let hidden =
            |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{e0041}".contains(c);
        assert!(!json.contains(hidden), "{json:?}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["keys"][0]["kid"], kid, "the value is unchanged");
    }
}

#[test]
fn a_rotation_publishes_a_key_or_makes_it_sign() {
    let alone = report(&[("a", "current")], 0);
    let published = report(&[("a", "current"), ("b", "next")], 0);
    let rotated = report(&[("b", "current"), ("c", "next"), ("a", "previous")], 0);
    let rotate = |before: &Value, after: &Value| {
        let lambda = Lambda::replying(&[before.clone(), after.clone()]);
        let text = text(&run_on(&lambda, &["keys", "rotate"]));
        let rotate = json!({ "command": "keys.rotate", "force": false, "caller": "operator" });
        assert_eq!(lambda.requests()[1].1, rotate);
        text
    };
    let expected = "b is published. a still signs.\nRotate again in 2 h to make b sign.\n";
    assert_eq!(rotate(&alone, &published), expected);
    let expected = "a → b\nFunctions sign with b within 120 s. c is published.\n";
    assert_eq!(rotate(&published, &rotated), expected);
}

#[test]
fn a_retirement_shows_the_remaining_keys() {
    let before =
        report(&[("key-a", "current"), ("key-b", "next"), ("key-c", "previous")], ago(DAY));
    let after = report(&[("key-a", "current"), ("key-b", "next")], ago(DAY));
    let text =
        text(&run_on(&Lambda::replying(&[before, after]), &["keys", "retire", "key-c", "--yes"]));
    let first = "key-c is retired: our functions refuse its tokens within 120 s.\n";
    assert!(text.starts_with(first) && text.contains("two hours"), "{text}");
    assert!(text.contains("\nkey-a") && text.contains("\nkey-b"), "{text}");
}

/// Retires a key by its id or a prefix of it.
fn retire(id: &str) -> (Output, Lambda) {
    let keys = [
        ("abcdef-1", "current"),
        ("abcdef-2", "next"),
        ("xyz", "previous"),
        ("xyz1234", "previous"),
        ("éèêëäö", "previous"),
        ("-hijklm", "previous"),
        ("--opqrst", "previous"),
    ];
    let mut report = report(&keys, 0);
    report["retired"] = json!([{ "kid": "retired-key", "at": 0 }]);
    let lambda = Lambda::replying(&[report]);
    (run_on(&lambda, &["keys", "retire", id, "--yes"]), lambda)
}

#[test]
fn a_key_is_found_by_its_id_or_a_prefix_of_it() {
    for (id, kid) in [
        ("abcdef-1", "abcdef-1"),
        ("xyz123", "xyz1234"),
        ("xyz", "xyz"),
        ("éèêëäö", "éèêëäö"),
        ("-hijkl", "-hijklm"),
        ("--opqr", "--opqrst"),
    ] {
        let (output, lambda) = retire(id);
        text(&output);
        let retirement = json!({ "command": "keys.retire", "kid": kid, "caller": "operator" });
        assert_eq!(lambda.requests()[1].1, retirement, "{id}");
    }
}

#[test]
fn a_short_ambiguous_or_unknown_prefix_is_refused() {
    for (ids, reason) in [
        (&["", "a", "abcde", "xyz12", "éèêëä"][..], "give at least 6 characters"),
        (&["abcdef", "abcdef-"], "more than one key's id begins with"),
        (&["abcdef-3", "ABCDEF-1", "abcdef-1 ", "b", "xyz12345", "ö"], "no key has the id"),
        (&["retired-key", "retire"], "is already retired"),
    ] {
        for id in ids {
            let (output, lambda) = retire(id);
            let error = failure(&output);
            assert!(error.contains(reason), "{id:?}: {error}");
            assert_eq!(lambda.requests().len(), 1, "{id:?}: nothing is retired");
        }
    }
}
