//! What the tokens that we issue look like, and that our verifier takes them.
#![cfg(test)]

use std::{collections::HashSet, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_testkit::fixtures::{ISSUER, KID, NOW, issuer, token_profile, verifier};
use latchkey_token::{
    AccessClaims, Algorithm, Generation, Grant, Issuer, KeySet, PresentedToken, RefreshClaims,
    SessionId, SigningKey, Timestamp, TokenError, TokenId, UserId, Verifier,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

fn user() -> UserId {
    UserId::parse("user-1").unwrap()
}

fn session() -> SessionId {
    SessionId::parse("session-1").unwrap()
}

fn grant<'a>(user: &'a UserId, session: &'a SessionId, roles: &'a [String]) -> Grant<'a> {
    Grant {
        user,
        username: "Alice",
        session,
        session_expires_at: NOW + Duration::from_hours(30 * 24),
        roles,
        auth_time: NOW,
        claims: None,
        for_cookies: false,
    }
}

fn generation(number: u64) -> Generation {
    Generation { number, token: TokenId::parse("token-1").unwrap(), began_at: NOW }
}

fn parts(token: &SecretString) -> (Value, Value) {
    let mut parts = token.expose_secret().split('.').map(|part| {
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap_or_default()
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

#[test]
fn an_access_token_says_what_the_contract_says() {
    let roles = ["admin".to_owned()];
    let token = issuer().access_token(&grant(&user(), &session(), &roles), true, NOW).unwrap();
    let (header, mut claims) = parts(&token.text);
    assert_eq!(header, json!({ "alg": "ES256", "kid": KID, "typ": "at+jwt" }));
    let token_id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(token_id.as_str().unwrap().len(), 22);
    let now = NOW.unix();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": ISSUER, "sub": "user-1", "username": "Alice",
            "sid": "session-1", "iat": now, "nbf": now, "exp": now + 900, "auth_time": now,
            "type": "access", "fresh": true, "roles": ["admin"],
        })
    );
}

#[test]
fn a_refresh_token_says_what_the_contract_says() {
    let roles = ["admin".to_owned()];
    let token =
        issuer().refresh_token(&grant(&user(), &session(), &roles), &generation(3)).unwrap();
    let (header, claims) = parts(&token.text);
    assert_eq!(header, json!({ "alg": "ES256", "kid": KID, "typ": "rt+jwt" }));
    let now = NOW.unix();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": format!("{ISSUER}#refresh"), "sub": "user-1", "username": "Alice",
            "sid": "session-1", "gen": 3, "jti": "token-1", "iat": now, "nbf": now, "exp": now + 30 * 86_400,
            "auth_time": now, "type": "refresh", "fresh": false,
        })
    );
}

#[test]
fn a_user_without_roles_has_no_roles_claim() {
    let token = issuer().access_token(&grant(&user(), &session(), &[]), true, NOW).unwrap();
    assert_eq!(parts(&token.text).1.get("roles"), None);
}

#[test]
fn no_token_outlives_its_session() {
    let end = NOW + Duration::from_mins(1);
    let (user, session) = (user(), session());
    let grant = Grant { session_expires_at: end, ..grant(&user, &session, &[]) };
    assert_eq!(issuer().access_token(&grant, true, NOW).unwrap().expires_at, end);
    assert_eq!(issuer().refresh_token(&grant, &generation(0)).unwrap().expires_at, end);
}

#[test]
fn our_verifier_takes_our_tokens() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session, &[]);
    let access = issuer().access_token(&grant, false, NOW).unwrap();
    let claims: AccessClaims = verifier()
        .access(PresentedToken::parse(access.text.expose_secret()).unwrap(), NOW)
        .unwrap();
    assert_eq!((claims.user, claims.session, claims.fresh), (user.clone(), session.clone(), false));
    let refresh = issuer().refresh_token(&grant, &generation(9)).unwrap();
    let claims: RefreshClaims = verifier()
        .refresh(PresentedToken::parse(refresh.text.expose_secret()).unwrap(), NOW)
        .unwrap();
    assert_eq!((claims.user, claims.session, claims.generation), (user, session, 9));
}

#[test]
fn the_refresh_token_of_a_generation_says_the_same_however_often_it_is_issued() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session, &[]);
    let [first, second] =
        [0, 1].map(|_| parts(&issuer().refresh_token(&grant, &generation(4)).unwrap().text));
    assert_eq!(first, second);
}

#[test]
fn the_session_of_a_token_of_either_type_can_be_asked_for() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session, &[]);
    let access = issuer().access_token(&grant, true, NOW).unwrap();
    let refresh = issuer().refresh_token(&grant, &generation(0)).unwrap();
    for token in [access, refresh] {
        let presented = PresentedToken::parse(token.text.expose_secret()).unwrap();
        let named = verifier().session(presented, NOW).unwrap();
        assert_eq!((&named.user, &named.session), (&user, &session));
        assert_eq!(verifier().session(presented, token.expires_at), Err(TokenError::Expired));
    }
}

#[test]
fn token_ids_do_not_repeat() {
    let (user, session, issuer) = (user(), session(), issuer());
    let grant = grant(&user, &session, &[]);
    let ids: HashSet<_> = (0..200)
        .map(|_| issuer.access_token(&grant, true, NOW).unwrap())
        .map(|token| parts(&token.text).1["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 200);
}

/// Signs and verifies with a ring of one's own: also proof that exactly one cryptography feature
/// of `jsonwebtoken` is in the graph, without which this panics.
fn round_trip(ring: KeySet) {
    let verifier = Verifier::new(ring.verifying_keys(), token_profile());
    let issuer = Issuer::new(ring.into_signing_key(), token_profile());
    let (user, session) = (user(), session());
    let token = issuer.access_token(&grant(&user, &session, &[]), true, NOW).unwrap();
    let token = PresentedToken::parse(token.text.expose_secret()).unwrap();
    assert!(verifier.access(token, NOW).is_ok());
    assert!(verifier.access(token, Timestamp::from_unix(0)).is_err());
}

#[test]
fn a_generated_key_signs_tokens_that_it_verifies() {
    let jwk_set = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap();
    round_trip(KeySet::parse(&jwk_set).unwrap());
}

#[test]
fn a_shared_secret_signs_tokens_that_it_verifies() {
    round_trip(
        KeySet::from_shared_secret(Algorithm::Hs256, &SecretString::from("x".repeat(32))).unwrap(),
    );
}
