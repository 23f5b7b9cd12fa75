//! The inspection of tokens.

use std::time::Duration;

use latchkey_token::{
    MAX_TOKEN_BYTES, PresentedToken, Timestamp, TokenError,
    inspect::{UnverifiedToken, verify_except_parties},
};
use serde_json::{Value, json};

use crate::{
    fixtures::{
        ISSUER, NOW, claims, header, key_set, sign, sign_texts, sign_with_foreign_key, verifier,
        with,
    },
    forged::bad_tokens,
};

fn verify_at(token: &str, now: Timestamp) -> Result<(), TokenError> {
    verify_except_parties(PresentedToken::parse(token)?, &key_set(), now)
}

fn verify(token: &str) -> Result<(), TokenError> {
    verify_at(token, NOW)
}

#[test]
fn an_unverified_token_is_parsed_for_any_key() {
    let header = with(header(), "crit", json!(["x"]));
    for token in [sign(&header, &claims()), sign_with_foreign_key(&header, &claims())] {
        let token = UnverifiedToken::parse(&token).unwrap();
        assert_eq!(
            (Value::Object(token.header), Value::Object(token.claims)),
            (header.clone(), claims())
        );
    }
    let alg_none = with(self::header(), "alg", "none".into());
    assert!(UnverifiedToken::parse(&sign(&alg_none, &json!({}))).unwrap().claims.is_empty());
}

#[test]
fn a_malformed_token_is_refused() {
    let valid = sign(&header(), &claims());
    let (message, signature) = valid.rsplit_once('.').unwrap();
    let (header, claims) = (header().to_string(), claims().to_string());
    let repeated = |text: &str| format!("{},\"x\":1,\"x\":2}}", text.trim_end_matches('}'));
    for (text, reason) in [
        (String::new(), TokenError::NotCompact),
        (message.to_owned(), TokenError::NotCompact),
        (format!("{message}."), TokenError::NotCompact),
        (format!("{message}.{signature}="), TokenError::NotCompact),
        (format!("{message}.?"), TokenError::NotCompact),
        (format!("{valid}.x"), TokenError::NotCompact),
        (format!(" {valid}"), TokenError::NotCompact),
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
fn a_bad_token_has_the_same_error_as_from_a_verifier() {
    let mut others = 0;
    for (name, text) in bad_tokens() {
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
fn issuer_audience_and_lifetime_are_not_checked() {
    let foreign = with(with(claims(), "iss", "x".into()), "aud", "y".into());
    assert_eq!(verify(&sign(&header(), &foreign)), Ok(()));
    let eternal = with(claims(), "exp", u64::MAX.into());
    assert_eq!(verify(&sign(&header(), &eternal)), Ok(()));
    assert_eq!(verify(&sign_with_foreign_key(&header(), &foreign)), Err(TokenError::BadSignature));
    let several = with(claims(), "aud", json!([ISSUER]));
    assert_eq!(verify(&sign(&header(), &several)), Err(TokenError::BadClaims));
}

#[test]
fn the_time_claims_are_checked() {
    let token = sign(&header(), &claims());
    let end = NOW + Duration::from_mins(15);
    assert_eq!(verify_at(&token, Timestamp::from_unix(end.unix() - 1)), Ok(()));
    assert_eq!(verify_at(&token, end), Err(TokenError::Expired));
    let before = Timestamp::from_unix(NOW.unix() - 1);
    assert_eq!(verify_at(&token, before), Err(TokenError::NotYetValid));
}
