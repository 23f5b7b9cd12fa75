//! Tokens as people look at them.
#![cfg(test)]

use std::time::Duration;

use latchkey_testkit::{
    fixtures::{ISSUER, NOW, key_set, verifier},
    forge::{bad_tokens, claims, header, sign, sign_texts, sign_with_foreign_key, with},
};
use latchkey_token::{
    MAX_TOKEN_BYTES, PresentedToken, Timestamp, TokenError,
    inspect::{UnverifiedToken, verify_except_parties},
};
use serde_json::{Value, json};

fn verify_at(token: &str, now: Timestamp) -> Result<(), TokenError> {
    verify_except_parties(PresentedToken::parse(token)?, &key_set().verifying_keys(), now)
}

fn verify(token: &str) -> Result<(), TokenError> {
    verify_at(token, NOW)
}

#[test]
fn a_token_says_what_it_says_whoever_signed_it() {
    let header = with(header(), "crit", json!(["x"]));
    for token in [sign(&header, &claims()), sign_with_foreign_key(&header, &claims())] {
        let token = UnverifiedToken::parse(&token).unwrap();
        assert_eq!(
            (Value::Object(token.header), Value::Object(token.claims)),
            (header.clone(), claims())
        );
    }
    let none = with(self::header(), "alg", "none".into());
    assert!(UnverifiedToken::parse(&sign(&none, &json!({}))).unwrap().claims.is_empty());
}

#[test]
fn what_two_readers_could_read_differently_is_not_shown_at_all() {
    let genuine = sign(&header(), &claims());
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let (header, claims) = (header().to_string(), claims().to_string());
    let repeated = |text: &str| format!("{},\"x\":1,\"x\":2}}", text.trim_end_matches('}'));
    for (text, reason) in [
        (String::new(), TokenError::NotCompact),
        (message.to_owned(), TokenError::NotCompact),
        (format!("{message}."), TokenError::NotCompact),
        (format!("{message}.{signature}="), TokenError::NotCompact),
        (format!("{message}.?"), TokenError::NotCompact),
        (format!("{genuine}.x"), TokenError::NotCompact),
        (format!(" {genuine}"), TokenError::NotCompact),
        (format!("a.b.{}", "c".repeat(MAX_TOKEN_BYTES)), TokenError::TooLong),
        (sign_texts("[]", &claims), TokenError::BadHeader),
        (sign_texts(&repeated(&header), &claims), TokenError::BadHeader),
        (sign_texts(&header, "null"), TokenError::BadClaims),
        (sign_texts(&header, &repeated(&claims)), TokenError::BadClaims),
    ] {
        assert_eq!(UnverifiedToken::parse(&text), Err(reason), "{text:.80}");
    }
}

#[test]
fn a_bad_token_is_bad_for_the_reason_that_a_verifier_has() {
    let mut others = 0;
    for (name, text, _) in bad_tokens() {
        let Ok(token) = PresentedToken::parse(&text) else { continue };
        let refused = verifier().session(token, NOW).expect_err(&name);
        let is_of_parties = matches!(
            refused,
            TokenError::WrongIssuer | TokenError::WrongAudience | TokenError::LivesTooLong
        );
        let expected = if is_of_parties { Ok(()) } else { Err(refused) };
        assert_eq!(verify(&text), expected, "{name}");
        others += usize::from(is_of_parties);
    }
    assert!(others > 3, "{others}");
}

#[test]
fn a_token_may_be_of_any_issuer_and_live_for_ever() {
    let foreign = with(with(claims(), "iss", "x".into()), "aud", "y".into());
    assert_eq!(verify(&sign(&header(), &foreign)), Ok(()));
    let eternal = with(claims(), "exp", u64::MAX.into());
    assert_eq!(verify(&sign(&header(), &eternal)), Ok(()));
    assert_eq!(verify(&sign_with_foreign_key(&header(), &foreign)), Err(TokenError::BadSignature));
    let several = with(claims(), "aud", json!([ISSUER]));
    assert_eq!(verify(&sign(&header(), &several)), Err(TokenError::BadClaims));
}

#[test]
fn a_token_is_held_against_the_time() {
    let token = sign(&header(), &claims());
    let end = NOW + Duration::from_mins(15);
    assert_eq!(verify_at(&token, Timestamp::from_unix(end.unix() - 1)), Ok(()));
    assert_eq!(verify_at(&token, end), Err(TokenError::Expired));
    let before = Timestamp::from_unix(NOW.unix() - 1);
    assert_eq!(verify_at(&token, before), Err(TokenError::NotYetValid));
}
