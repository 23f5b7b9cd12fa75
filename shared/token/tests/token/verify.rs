//! Accepted tokens, and the errors of refused ones.

use std::time::Duration;

use latchkey_token::{
    AccessClaims, KeySet, MAX_TOKEN_BYTES, PresentedToken, Timestamp, TokenError, TokenType,
    Verifier, VerifyingKey,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    fixtures::{
        NOW, access, access_at, alice, base64url, claims, header, key_set, refresh_claims,
        refresh_header, session, sign, sign_texts, sign_with_foreign_key, token_profile, verifier,
        with, with_signature,
    },
    forged::bad_tokens,
};

fn access_with(claim: &str, value: Value) -> Result<AccessClaims, TokenError> {
    access(&sign(&header(), &with(claims(), claim, value)))
}

#[test]
fn a_valid_access_token_is_accepted_with_its_claims() {
    let claims = access(&sign(&header(), &with(claims(), "roles", json!(["admin"])))).unwrap();
    assert_eq!((claims.subject, claims.session), (alice(), Some(session())));
    assert_eq!(claims.auth_time, NOW);
    assert_eq!(claims.expires_at, NOW + Duration::from_mins(15));
    assert_eq!(claims.roles, ["admin"]);
    assert!(claims.fresh);
}

#[test]
fn no_bad_token_is_accepted() {
    for (name, token) in bad_tokens() {
        let refusal = access(&token).expect_err(&name);
        // Responses reveal these two, so only tokens with a valid signature may get them.
        let is_revealed = matches!(refusal, TokenError::Expired | TokenError::WrongType(_));
        assert!(!is_revealed, "{name}: {refusal:?}");
    }
}

#[test]
fn an_expired_token_is_reported_as_expired() {
    let now = NOW.unix();
    for exp in [now, now - 1, now - 59] {
        let claims = with(with(claims(), "exp", exp.into()), "iat", (now - 900).into());
        let claims = with(claims, "nbf", (now - 900).into());
        assert_eq!(access(&sign(&header(), &claims)), Err(TokenError::Expired), "{exp}");
    }
}

#[test]
fn each_defect_has_its_error() {
    let other_key = with(header(), "kid", "other".into());
    let other_algorithm = with(header(), "alg", "HS256".into());
    let cases = [
        (format!("a.b.{}", "c".repeat(MAX_TOKEN_BYTES)), TokenError::TooLong),
        ("a.b".to_owned(), TokenError::NotCompact),
        (sign(&with(header(), "crit", json!(["x"])), &claims()), TokenError::BadHeader),
        (sign(&other_key, &claims()), TokenError::UnknownKey),
        (sign(&other_algorithm, &claims()), TokenError::WrongAlgorithm),
        (sign_with_foreign_key(&header(), &claims()), TokenError::BadSignature),
        (sign(&header(), &with(claims(), "sub", Value::Null)), TokenError::BadClaims),
        (sign(&header(), &with(claims(), "iss", "x".into())), TokenError::WrongIssuer),
        (sign(&header(), &with(claims(), "aud", "x".into())), TokenError::WrongAudience),
        (sign(&header(), &with(claims(), "nbf", (NOW.unix() + 1).into())), TokenError::NotYetValid),
        (
            sign(&header(), &with(claims(), "iat", (NOW.unix() + 1).into())),
            TokenError::IssuedInFuture,
        ),
        (
            sign(&header(), &with(claims(), "exp", (NOW.unix() + 901).into())),
            TokenError::LivesTooLong,
        ),
    ];
    for (token, reason) in cases {
        assert_eq!(access(&token), Err(reason));
    }
}

#[test]
fn no_claim_is_read_before_the_signature_is_verified() {
    let expired = with(claims(), "exp", (NOW.unix() - 1).into());
    assert_eq!(access(&sign_with_foreign_key(&header(), &expired)), Err(TokenError::BadSignature));
    assert_eq!(access(&with_signature(&header(), &json!([]), b"x")), Err(TokenError::BadSignature));
}

#[test]
fn a_token_expires_in_the_second_of_its_exp() {
    let token = sign(&header(), &claims());
    let expiry = NOW + Duration::from_mins(15);
    assert!(access_at(&token, Timestamp::from_unix(expiry.unix() - 1)).is_ok());
    assert_eq!(access_at(&token, expiry), Err(TokenError::Expired));
}

#[test]
fn a_cached_token_expires_and_keeps_its_type() {
    let (verifier, token) = (verifier(), sign(&header(), &claims()));
    let token = PresentedToken::parse(&token).unwrap();
    let expiry = NOW + Duration::from_mins(15);
    for _ in 0..2 {
        assert!(verifier.access(token, NOW).is_ok());
        assert_eq!(verifier.access(token, expiry), Err(TokenError::Expired));
        let wrong_type = TokenError::WrongType(TokenType::Access);
        assert_eq!(verifier.refresh(token, NOW), Err(wrong_type));
    }
}

#[test]
fn a_cached_token_makes_no_other_token_valid() {
    let (verifier, token) = (verifier(), sign(&header(), &claims()));
    assert!(verifier.access(PresentedToken::parse(&token).unwrap(), NOW).is_ok());
    for (name, other) in bad_tokens() {
        for _ in 0..2 {
            let other = PresentedToken::parse(&other);
            assert!(other.and_then(|token| verifier.access(token, NOW)).is_err(), "{name}");
        }
    }
}

#[test]
fn a_replaced_key_verifies_until_its_end() {
    let token = sign(&header(), &claims());
    let token = PresentedToken::parse(&token).unwrap();
    let until = NOW + Duration::from_mins(1);
    let profile = token_profile();
    let jwk = key_set().public_jwk_set().keys.remove(0);
    let key = VerifyingKey::from_jwk(&jwk).unwrap().accepted_until(Some(until));
    let keys = KeySet::new(None, vec![key]);
    let verifier = Verifier::new(&keys, &profile);
    for _ in 0..2 {
        assert!(verifier.access(token, NOW).is_ok());
        assert_eq!(keys.public_jwk_set_at(NOW).keys.len(), 1);
        assert_eq!(verifier.access(token, until), Err(TokenError::UnknownKey));
        assert_eq!(verifier.session(token, until), Err(TokenError::UnknownKey));
        assert_eq!(keys.public_jwk_set_at(until).keys, []);
    }
}

#[test]
fn a_new_key_set_has_an_empty_cache() {
    let token = sign(&header(), &claims());
    let token = PresentedToken::parse(&token).unwrap();
    assert!(verifier().access(token, NOW).is_ok());
    let (empty, profile) = (KeySet::new(None, Vec::new()), token_profile());
    assert_eq!(Verifier::new(&empty, &profile).access(token, NOW), Err(TokenError::UnknownKey));
}

#[test]
fn only_canonical_base64url_is_accepted() {
    let token = sign(&header(), &claims());
    let parts = token.split('.').collect::<Vec<_>>();
    for number in 0..3 {
        for suffix in ["=", "A===", "+", "/", "\n", " ", "?", "é"] {
            let changed = format!("{}{suffix}", parts[number]);
            let mut parts = parts.clone();
            parts[number] = &changed;
            assert_eq!(access(&parts.join(".")), Err(TokenError::NotCompact), "{changed:?}");
        }
    }
    // `-_9` would decode to the bytes of `-_8`.
    let stray_bits = format!("{}.{}.-_9", parts[0], parts[1]);
    assert_eq!(access(&stray_bits), Err(TokenError::NotCompact));
}

#[test]
fn a_token_is_not_valid_before_its_nbf_and_iat() {
    let token = sign(&header(), &claims());
    let before = Timestamp::from_unix(NOW.unix() - 1);
    assert_eq!(access_at(&token, before), Err(TokenError::NotYetValid));
    let no_nbf = sign(&header(), &with(claims(), "nbf", 0.into()));
    assert_eq!(access_at(&no_nbf, before), Err(TokenError::IssuedInFuture));
}

#[test]
fn leeway_extends_each_time_bound() {
    let mut profile = token_profile();
    profile.leeway = Duration::from_secs(10);
    let keys = key_set();
    let verifier = Verifier::new(&keys, &profile);
    let token = sign(&header(), &claims());
    let at = |seconds: i64| {
        let now = Timestamp::from_unix(NOW.unix().saturating_add_signed(seconds));
        verifier.access(PresentedToken::parse(&token).unwrap(), now)
    };
    assert!(at(-10).is_ok());
    assert_eq!(at(-11), Err(TokenError::NotYetValid));
    assert!(at(909).is_ok());
    assert_eq!(at(910), Err(TokenError::Expired));
}

#[test]
fn no_time_makes_the_verifier_panic() {
    for exp in [0, 1, u64::MAX] {
        for now in [0, 1, u64::MAX] {
            let token = sign(&header(), &with(claims(), "exp", exp.into()));
            assert!(access_at(&token, Timestamp::from_unix(now)).is_err());
        }
    }
}

#[test]
fn access_and_refresh_tokens_are_not_interchangeable() {
    let refresh = sign(&refresh_header(), &refresh_claims(3));
    assert_eq!(access(&refresh), Err(TokenError::WrongType(TokenType::Refresh)));

    let refresh = PresentedToken::parse(&refresh).unwrap();
    assert_eq!(verifier().refresh(refresh, NOW).unwrap().generation, 3);
    let access = sign(&header(), &claims());
    let access = PresentedToken::parse(&access).unwrap();
    let wrong_type = TokenError::WrongType(TokenType::Access);
    assert_eq!(verifier().refresh(access, NOW), Err(wrong_type));
}

#[test]
fn a_refresh_token_without_its_generation_is_refused() {
    let claims = with(refresh_claims(0), "gen", Value::Null);
    let token = sign(&refresh_header(), &claims);
    let token = PresentedToken::parse(&token).unwrap();
    assert_eq!(verifier().refresh(token, NOW), Err(TokenError::BadClaims));
}

#[test]
fn typ_may_be_the_full_media_type() {
    let token = sign(&with(header(), "typ", "application/at+jwt".into()), &claims());
    assert!(access(&token).is_ok());
}

#[test]
fn unknown_claims_are_ignored() {
    let mut many = claims();
    for number in 0..50 {
        many[format!("claim{number}")] = json!({"x": number});
    }
    many["SUB"] = "mallory".into();
    many["Exp"] = 0.into();
    assert_eq!(access(&sign(&header(), &many)).unwrap().subject, alice());
}

#[test]
fn an_escaped_claim_name_counts_as_the_claim() {
    let text = claims().to_string().replace("\"sub\"", "\"\\u0073ub\"");
    assert!(access(&sign_texts(&header().to_string(), &text)).is_ok());
    let twice = claims().to_string().replace("\"sub\"", "\"\\u0073ub\":\"user-1\",\"sub\"");
    let twice = sign_texts(&header().to_string(), &twice);
    assert_eq!(access(&twice), Err(TokenError::BadClaims));
}

#[test]
fn a_missing_roles_claim_is_an_empty_list() {
    assert_eq!(access_with("roles", Value::Null).unwrap().roles, Vec::<String>::new());
}

#[test]
fn a_token_with_any_flipped_bit_is_refused() {
    let token = sign(&header(), &claims());
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(access(&changed).is_err(), "bit {bit} of byte {index}");
            }
        }
    }
}

#[test]
fn a_signature_of_any_other_length_is_refused() {
    let token = sign(&header(), &claims());
    let (message, signature) = token.rsplit_once('.').unwrap();
    for end in 0..signature.len() {
        assert!(access(&format!("{message}.{}", &signature[..end])).is_err());
    }
    for extra in ["A", "AA", "AAA", "AAAA", signature] {
        assert!(access(&format!("{token}{extra}")).is_err());
    }
}

#[test]
fn debug_output_of_a_token_is_redacted() {
    let token = sign(&header(), &claims());
    let printed = format!("{:?}", PresentedToken::parse(&token).unwrap());
    assert_eq!(printed, format!("PresentedToken({} bytes)", token.len()));
}

proptest! {
    #[test]
    fn no_text_makes_the_verifier_panic(text in ".{0,200}") {
        prop_assert!(access(&text).is_err());
    }

    #[test]
    fn no_three_parts_make_the_verifier_panic(
        header in prop::collection::vec(any::<u8>(), 0..80),
        payload in prop::collection::vec(any::<u8>(), 0..80),
        signature in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let parts = [header, payload, signature].map(base64url);
        prop_assert!(access(&parts.join(".")).is_err());
    }

    #[test]
    fn no_signed_payload_makes_the_verifier_panic(payload in ".{0,200}") {
        prop_assert!(access(&sign_texts(&header().to_string(), &payload)).is_err());
    }
}
