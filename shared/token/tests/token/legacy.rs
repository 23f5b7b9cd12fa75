//! Tokens of a legacy Flask service.

use std::time::Duration;

use latchkey_token::{
    AccessClaims, KeyError, KeySet, LegacyKeys, PresentedToken, RefreshClaims, Subject, Timestamp,
    TokenError, TokenProfile, TokenType, Verifier,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::fixtures::{NOW, base64url, key_set, sign, sign_with_hmac, token_profile, with};

const SECRET: &[u8] = b"an-old-flask-secret";

fn legacy_set(members: &Value, secret: &[u8]) -> SecretString {
    let mut key = json!({ "kty": "oct", "alg": "HS256", "kid": "old", "k": base64url(secret) });
    key.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    SecretString::from(json!({ "keys": [key] }).to_string())
}

fn keys(members: &Value) -> KeySet {
    key_set().with_legacy(LegacyKeys::parse(&legacy_set(members, SECRET)).unwrap())
}

fn extended() -> KeySet {
    keys(&json!({ "minted_by": "flask" }))
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "HS256" })
}

/// The claims of an access token of Flask-JWT-Extended.
fn claims() -> Value {
    let now = NOW.unix();
    json!({
        "fresh": true, "iat": now, "jti": "0b1c8f9e-3c55-4a9b-9f5a-6d7f2f1c6e11",
        "type": "access", "sub": "alice", "nbf": now, "csrf": "flask-csrf", "exp": now + 900,
    })
}

/// The claims of a token of Flask-JWT.
fn flask_jwt_claims() -> Value {
    let now = NOW.unix();
    json!({ "exp": now + 300, "iat": now, "nbf": now, "identity": 1 })
}

fn token(claims: &Value) -> String {
    sign_with_hmac(&header(), claims, SECRET)
}

fn access_at(keys: &KeySet, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
    Verifier::new(keys, &token_profile()).access(PresentedToken::parse(token)?, now)
}

fn access(keys: &KeySet, token: &str) -> Result<AccessClaims, TokenError> {
    access_at(keys, token, NOW)
}

fn refresh(keys: &KeySet, token: &str) -> Result<RefreshClaims, TokenError> {
    Verifier::new(keys, &token_profile()).refresh(PresentedToken::parse(token)?, NOW)
}

fn alice() -> Subject {
    Subject::Legacy { identity: "alice".to_owned() }
}

#[test]
fn an_access_token_has_a_subject_and_no_session() {
    let claims = with(with(claims(), "plan", "pro".into()), "roles", json!(["admin"]));
    let read = access(&extended(), &token(&claims)).unwrap();
    assert_eq!((read.subject, read.session, read.token), (alice(), None, None));
    assert_eq!((read.auth_time, read.expires_at), (NOW, NOW + Duration::from_mins(15)));
    assert_eq!((read.fresh, read.csrf.as_deref()), (true, Some("flask-csrf")));
    assert!(read.roles.is_empty(), "roles come from the user");
    assert_eq!(read.claims.get("plan"), Some(&json!("pro")));
    assert_eq!(read.claims.as_map().len(), 1);
}

#[test]
fn a_refresh_token_has_generation_zero() {
    let text = token(&with(claims(), "type", "refresh".into()));
    let read = refresh(&extended(), &text).unwrap();
    assert_eq!((&read.subject, &read.session, &read.token), (&alice(), &None, &None));
    assert_eq!((read.generation, read.auth_time), (0, NOW));
    assert!(!read.is_alone_in_cookie());
    assert_eq!(access(&extended(), &text), Err(TokenError::WrongType(TokenType::Refresh)));
    let text = token(&claims());
    assert_eq!(refresh(&extended(), &text), Err(TokenError::WrongType(TokenType::Access)));
}

#[test]
fn a_legacy_token_names_no_session() {
    let (keys, profile, text) = (extended(), token_profile(), token(&claims()));
    let (verifier, token) = (Verifier::new(&keys, &profile), PresentedToken::parse(&text).unwrap());
    assert_eq!(verifier.session(token, NOW), Err(TokenError::BadHeader));
    assert_eq!(verifier.session_of_expired(token, NOW), Err(TokenError::BadHeader));
}

#[test]
fn our_tokens_verify_with_legacy_keys_in_the_set() {
    let own = sign(&crate::fixtures::header(), &crate::fixtures::claims());
    assert_eq!(access(&extended(), &own).unwrap().subject, crate::fixtures::alice());
    assert_eq!(access(&key_set(), &token(&claims())), Err(TokenError::BadHeader));
    // The legacy secret does not verify the tokens of this service.
    let forged = sign_with_hmac(
        &with(crate::fixtures::header(), "alg", "HS256".into()),
        &crate::fixtures::claims(),
        SECRET,
    );
    assert_eq!(access(&extended(), &forged), Err(TokenError::WrongAlgorithm));
}

#[test]
fn freshness_is_a_flag_or_a_time() {
    for (fresh, expected) in [
        (json!(false), false),
        (Value::Null, false),
        (json!("true"), false),
        (json!(NOW.unix()), false),
        (json!(NOW.unix() + 60), true),
        (json!(1_700_000_060.25), true),
    ] {
        let text = token(&with(claims(), "fresh", fresh.clone()));
        assert_eq!(access(&extended(), &text).unwrap().fresh, expected, "{fresh}");
    }
}

#[test]
fn invalid_claims_that_flask_accepts_are_refused() {
    for (claim, value, expected) in [
        ("exp", Value::Null, TokenError::BadClaims),
        ("exp", json!("9999999999"), TokenError::BadClaims),
        ("type", Value::Null, TokenError::BadClaims),
        ("type", json!("password-reset"), TokenError::BadClaims),
        ("sub", json!(["alice"]), TokenError::BadClaims),
        ("sub", json!(""), TokenError::BadClaims),
        ("sub", json!(1.5), TokenError::BadClaims),
        ("nbf", json!(NOW.unix() + 1), TokenError::NotYetValid),
        ("iat", json!(NOW.unix() + 1), TokenError::IssuedInFuture),
        ("iat", Value::Null, TokenError::BadClaims),
    ] {
        let text = token(&with(claims(), claim, value.clone()));
        assert_eq!(access(&extended(), &text), Err(expected), "{claim} {value}");
    }
    for missing in ["nbf", "jti", "fresh", "csrf"] {
        let text = token(&with(claims(), missing, Value::Null));
        assert!(access(&extended(), &text).is_ok(), "{missing} is optional");
    }
}

#[test]
fn headers_and_signatures_are_checked() {
    let sign = |header: &Value| sign_with_hmac(header, &claims(), SECRET);
    for (text, expected) in [
        (sign_with_hmac(&header(), &claims(), b"another-flask-secret"), TokenError::BadSignature),
        (sign(&with(header(), "alg", "HS384".into())), TokenError::WrongAlgorithm),
        (sign(&with(header(), "alg", "none".into())), TokenError::WrongAlgorithm),
        (sign(&with(header(), "kid", "old".into())), TokenError::UnknownKey),
        (sign(&with(header(), "crit", json!(["exp"]))), TokenError::BadHeader),
        (sign(&with(header(), "typ", "at+jwt".into())), TokenError::BadHeader),
        (format!("{}=", token(&claims())), TokenError::NotCompact),
    ] {
        assert_eq!(access(&extended(), &text), Err(expected), "{text}");
    }
    let untyped = sign(&with(header(), "typ", Value::Null));
    assert!(access(&extended(), &untyped).is_ok());
}

#[test]
fn the_times_are_checked_with_the_leeway_of_the_profile() {
    let (keys, text) = (extended(), token(&claims()));
    let strict = token_profile();
    let lenient = TokenProfile { leeway: Duration::from_secs(10), ..token_profile() };
    let at = |profile, seconds| {
        let now = Timestamp::from_unix(NOW.unix().saturating_add_signed(seconds));
        Verifier::new(&keys, profile).access(PresentedToken::parse(&text).unwrap(), now).map(drop)
    };
    assert_eq!((at(&strict, 899), at(&strict, 900)), (Ok(()), Err(TokenError::Expired)));
    assert_eq!(at(&strict, -1), Err(TokenError::NotYetValid));
    assert_eq!((at(&lenient, 909), at(&lenient, 910)), (Ok(()), Err(TokenError::Expired)));
    assert_eq!((at(&lenient, -10), at(&lenient, -11)), (Ok(()), Err(TokenError::NotYetValid)));
}

#[test]
fn a_key_may_require_an_issuer_an_audience_and_another_identity_claim() {
    let keys = keys(&json!({
        "minted_by": "flask", "identity_claim": "user_id", "iss": "old", "aud": ["web", "app"],
    }));
    let claims = with(with(claims(), "user_id", 7.into()), "iss", "old".into());
    for aud in [json!("app"), json!(["other", "web"])] {
        let read = access(&keys, &token(&with(claims.clone(), "aud", aud))).unwrap();
        assert_eq!(read.subject, Subject::Legacy { identity: "7".to_owned() });
    }
    for aud in [json!("other"), json!([]), json!(7), Value::Null] {
        let text = token(&with(claims.clone(), "aud", aud));
        assert_eq!(access(&keys, &text), Err(TokenError::WrongAudience));
    }
    let text = token(&with(with(claims, "aud", "web".into()), "iss", "new".into()));
    assert_eq!(access(&keys, &text), Err(TokenError::WrongIssuer));
}

#[test]
fn a_flask_jwt_token_is_an_access_token() {
    let keys = keys(&json!({ "minted_by": "flask-jwt" }));
    let read = access(&keys, &token(&flask_jwt_claims())).unwrap();
    assert_eq!(read.subject, Subject::Legacy { identity: "1".to_owned() });
    assert!(!read.fresh);
    for claim in ["exp", "iat", "nbf", "identity"] {
        let text = token(&with(flask_jwt_claims(), claim, Value::Null));
        assert_eq!(access(&keys, &text), Err(TokenError::BadClaims), "{claim}");
    }
    let typed = token(&with(flask_jwt_claims(), "type", "access".into()));
    assert_eq!(access(&keys, &typed), Err(TokenError::BadClaims));
}

#[test]
fn a_token_of_unread_legacy_keys_has_its_own_error() {
    let unread = key_set().with_legacy(LegacyKeys::unread());
    assert_eq!(access(&unread, &token(&claims())), Err(TokenError::LegacyKeysUnread));
    let some = extended().with_legacy(LegacyKeys::unread());
    assert!(access(&some, &token(&claims())).is_ok());
    let other = sign_with_hmac(&header(), &claims(), b"another-flask-secret");
    assert_eq!(access(&some, &other), Err(TokenError::LegacyKeysUnread));
    let own = sign(&with(crate::fixtures::header(), "kid", "other".into()), &claims());
    assert_eq!(access(&unread, &own), Err(TokenError::UnknownKey));
}

#[test]
fn a_legacy_key_is_a_secret_of_at_least_sixteen_bytes() {
    let members = json!({ "minted_by": "flask" });
    assert!(LegacyKeys::parse(&legacy_set(&members, &[7; 16])).is_ok());
    let refused = LegacyKeys::parse(&legacy_set(&members, &[7; 15])).unwrap_err();
    assert!(matches!(refused, KeyError::ShortSecret { bytes: 15, needed: 16, .. }), "{refused}");
    let refused = LegacyKeys::parse(&legacy_set(&with(members, "alg", "ES256".into()), SECRET));
    assert!(matches!(refused, Err(KeyError::Unsupported { .. })), "{refused:?}");
    let unknown = legacy_set(&json!({ "minted_by": "django" }), SECRET);
    assert!(matches!(LegacyKeys::parse(&unknown), Err(KeyError::NotAJwkSet(_))));
}
