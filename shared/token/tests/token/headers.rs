//! Accepted and refused headers of signed tokens.

use latchkey_token::{TokenError, parse_object};
use serde_json::{Value, json};

use crate::fixtures::{access, claims, header, sign_texts, with};

fn with_header(header: &str) -> Result<(), TokenError> {
    access(&sign_texts(header, &claims().to_string())).map(drop)
}

#[test]
fn unknown_members_are_ignored() {
    let header = with(header(), "app", json!({ "x": [1, null] }));
    assert_eq!(with_header(&header.to_string()), Ok(()));
}

#[test]
fn members_that_change_how_a_token_is_read_are_refused() {
    for name in ["b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5t", "x5t#S256", "x5u", "zip"]
    {
        for value in ["null", "[]", "false", r#"["alg"]"#, r#""x""#] {
            let header =
                format!(r#"{{"alg":"ES256","kid":"test-key","typ":"at+jwt","{name}":{value}}}"#);
            assert_eq!(with_header(&header), Err(TokenError::BadHeader), "{header}");
        }
    }
}

#[test]
fn a_repeated_member_is_refused_even_if_escaped_or_unknown() {
    for header in [
        r#"{"alg":"ES256","alg":"ES256","kid":"test-key","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","\u0061lg":"none","kid":"test-key","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","kid":"test-key","typ":"at+jwt","x":1,"x":1}"#,
    ] {
        assert_eq!(with_header(header), Err(TokenError::BadHeader), "{header}");
    }
}

#[test]
fn more_than_sixteen_members_are_refused() {
    let mut header = header();
    for number in 3..16 {
        header = with(header, &format!("x{number}"), json!(1));
    }
    assert_eq!(with_header(&header.to_string()), Ok(()));
    let more = with(header, "one-more", json!(1)).to_string();
    assert_eq!(with_header(&more), Err(TokenError::BadHeader));
}

#[test]
fn the_header_must_be_one_object_with_the_three_strings() {
    let deep = "[".repeat(3_000);
    for header in [
        "null",
        "[]",
        "1",
        "true",
        "\"x\"",
        "{}",
        &deep,
        r#"{"kid":"test-key","typ":"at+jwt"}"#,
        r#"{"alg":null,"kid":"test-key","typ":"at+jwt"}"#,
        r#"{"alg":["ES256"],"kid":"test-key","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","kid":7,"typ":"at+jwt"}"#,
        r#"{"alg":"ES256","kid":null,"typ":"at+jwt"}"#,
        r#"{"alg":"ES256","kid":"test-key"}"#,
        r#"{"alg":"ES256","kid":"test-key","typ":"at+jwt"} {}"#,
        "\u{feff}{\"alg\":\"ES256\",\"kid\":\"test-key\",\"typ\":\"at+jwt\"}",
    ] {
        assert_eq!(with_header(header), Err(TokenError::BadHeader), "{header:.80}");
    }
}

#[test]
fn parse_object_accepts_one_utf8_object_without_repeated_members() {
    assert_eq!(parse_object(br#" {"a":[1,{"b":null}]} "#).unwrap()["a"][1]["b"], Value::Null);
    let deep = "[".repeat(100_000);
    for json in [
        "",
        "[]",
        "null",
        "1",
        "{} {}",
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":1}"#,
        r#"{"x":[{"a":1,"a":2}]}"#,
        "\u{feff}{}",
        &deep,
    ] {
        assert!(parse_object(json.as_bytes()).is_none(), "{json:.40}");
    }
    assert!(parse_object(b"{\"a\":\"\xe9\"}").is_none());
}
