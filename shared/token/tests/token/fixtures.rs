//! Keys, a token profile, and tokens signed without [`Issuer`].

use std::{sync::LazyLock, time::Duration};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_token::{
    AccessClaims, Grant, Issuer, KeySet, PresentedToken, SessionId, Subject, Timestamp, TokenError,
    TokenProfile, UserId, Verifier,
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);
/// PUBLIC TEST KEY: the example of RFC 7515 §A.3.
pub(crate) const JWK_SET: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"test-key","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}"#;
pub(crate) const KID: &str = "test-key";

static KEYS: LazyLock<KeySet> = LazyLock::new(key_set);
static PROFILE: LazyLock<TokenProfile> = LazyLock::new(token_profile);

pub(crate) fn key_set() -> KeySet {
    KeySet::parse(&SecretString::from(JWK_SET)).unwrap()
}

/// Access tokens of 15 minutes, refresh tokens of 30 days, no leeway.
pub(crate) fn token_profile() -> TokenProfile {
    TokenProfile {
        issuer: ISSUER.to_owned(),
        audience: ISSUER.to_owned(),
        other_issuers: Vec::new(),
        other_audiences: Vec::new(),
        access_lifetime: Duration::from_mins(15),
        refresh_lifetime: Duration::from_hours(30 * 24),
        leeway: Duration::ZERO,
    }
}

pub(crate) fn verifier() -> Verifier<'static> {
    Verifier::new(&KEYS, &PROFILE)
}

pub(crate) fn issuer() -> Issuer<'static> {
    issuer_of(&KEYS)
}

pub(crate) fn issuer_of(keys: &KeySet) -> Issuer<'_> {
    Issuer::new(keys.signing().unwrap(), &PROFILE)
}

pub(crate) fn access_at(token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
    verifier().access(PresentedToken::parse(token)?, now)
}

pub(crate) fn access(token: &str) -> Result<AccessClaims, TokenError> {
    access_at(token, NOW)
}

pub(crate) fn user() -> UserId {
    UserId::parse("user-1").unwrap()
}

pub(crate) fn session() -> SessionId {
    SessionId::parse("session-1").unwrap()
}

/// The subject of tokens for alice.
pub(crate) fn alice() -> Subject {
    Subject::User { id: user(), username: "alice".to_owned() }
}

pub(crate) fn grant<'a>(user: &'a UserId, session: &'a SessionId) -> Grant<'a> {
    Grant {
        user,
        username: "alice",
        session,
        session_expires_at: NOW + Duration::from_hours(30 * 24),
        roles: &[],
        auth_time: NOW,
        claims: None,
        for_cookies: false,
    }
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A part of a token as JSON: 0 is the header, 1 is the payload.
pub(crate) fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub(crate) fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// The header of access tokens.
pub(crate) fn header() -> Value {
    json!({ "alg": "ES256", "kid": KID, "typ": "at+jwt" })
}

/// The claims of a valid access token for alice at [`NOW`].
pub(crate) fn claims() -> Value {
    let now = NOW.unix();
    json!({
        "iss": ISSUER, "aud": ISSUER, "sub": "user-1", "username": "alice", "sid": "session-1",
        "jti": "token-1", "iat": now, "nbf": now, "exp": now + 900, "auth_time": now,
        "type": "access", "fresh": true,
    })
}

/// The header of refresh tokens.
pub(crate) fn refresh_header() -> Value {
    with(header(), "typ", "rt+jwt".into())
}

/// The claims of a valid refresh token for alice at [`NOW`].
pub(crate) fn refresh_claims(generation: u64) -> Value {
    let claims = with(claims(), "type", "refresh".into());
    let claims = with(claims, "aud", format!("{ISSUER}#refresh").into());
    let claims = with(with(claims, "gen", generation.into()), "fresh", false.into());
    with(claims, "exp", (NOW.unix() + 30 * 86_400).into())
}

/// Sets a member; `Value::Null` removes it.
pub(crate) fn with(mut value: Value, member: &str, new: Value) -> Value {
    let members = value.as_object_mut().unwrap();
    if new.is_null() {
        members.remove(member);
    } else {
        members.insert(member.to_owned(), new);
    }
    value
}

/// Signs a header and claims, given as text, with the key of [`JWK_SET`].
pub(crate) fn sign_texts(header: &str, claims: &str) -> String {
    token(header, claims, |message| ecdsa(&test_pair(), message))
}

pub(crate) fn sign(header: &Value, claims: &Value) -> String {
    sign_texts(&header.to_string(), &claims.to_string())
}

/// Signs with a new key that no verifier knows.
pub(crate) fn sign_with_foreign_key(header: &Value, claims: &Value) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    token(&header.to_string(), &claims.to_string(), |message| ecdsa(&pair, message))
}

pub(crate) fn sign_with_hmac(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    token(&header.to_string(), &claims.to_string(), |message| {
        hmac::sign(&key, message).as_ref().to_vec()
    })
}

pub(crate) fn with_signature(header: &Value, claims: &Value, signature: &[u8]) -> String {
    token(&header.to_string(), &claims.to_string(), |_| signature.to_vec())
}

pub(crate) fn test_pair() -> EcdsaKeyPair {
    let set: Value = serde_json::from_str(JWK_SET).unwrap();
    let part =
        |name: &str| BASE64_URL_SAFE_NO_PAD.decode(set["keys"][0][name].as_str().unwrap()).unwrap();
    let point = [vec![4], part("x"), part("y")].concat();
    let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
    EcdsaKeyPair::from_private_key_and_public_key(curve, &part("d"), &point).unwrap()
}

pub(crate) fn ecdsa(pair: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

pub(crate) fn token(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", base64url(header), base64url(claims));
    let signature = base64url(sign(message.as_bytes()));
    format!("{message}.{signature}")
}
