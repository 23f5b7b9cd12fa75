//! The claims and headers of issued tokens.

use std::{collections::HashSet, time::Duration};

use latchkey_token::{Generation, Grant, PresentedToken, TokenError, TokenId};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::fixtures::{
    ISSUER, KID, NOW, access, alice, grant, issuer, part, session, user, verifier,
};

fn generation(number: u64) -> Generation {
    Generation { number, token: TokenId::parse("token-1").unwrap(), began_at: NOW }
}

fn parts(token: &SecretString) -> (Value, Value) {
    let token = token.expose_secret();
    (part(token, 0), part(token, 1))
}

#[test]
fn an_access_token_has_the_documented_claims() {
    let roles = ["admin".to_owned()];
    let (user, session) = (user(), session());
    let grant = Grant { roles: &roles, ..grant(&user, &session) };
    let token = issuer().access_token(&grant, true, NOW).unwrap();
    let (header, mut claims) = parts(&token.text);
    assert_eq!(header, json!({ "alg": "ES256", "kid": KID, "typ": "at+jwt" }));
    let token_id = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(token_id.as_str().unwrap().len(), 22);
    let now = NOW.unix();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": ISSUER, "sub": "user-1", "username": "alice",
            "sid": "session-1", "iat": now, "nbf": now, "exp": now + 900, "auth_time": now,
            "type": "access", "fresh": true, "roles": ["admin"],
        })
    );
}

#[test]
fn a_refresh_token_has_the_documented_claims() {
    let roles = ["admin".to_owned()];
    let (user, session) = (user(), session());
    let grant = Grant { roles: &roles, ..grant(&user, &session) };
    let token = issuer().refresh_token(&grant, &generation(3)).unwrap();
    let (header, claims) = parts(&token.text);
    assert_eq!(header, json!({ "alg": "ES256", "kid": KID, "typ": "rt+jwt" }));
    let now = NOW.unix();
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": format!("{ISSUER}#refresh"), "sub": "user-1", "username": "alice",
            "sid": "session-1", "gen": 3, "jti": "token-1", "iat": now, "nbf": now, "exp": now + 30 * 86_400,
            "auth_time": now, "type": "refresh", "fresh": false,
        })
    );
}

#[test]
fn a_user_without_roles_has_no_roles_claim() {
    let token = issuer().access_token(&grant(&user(), &session()), true, NOW).unwrap();
    assert_eq!(parts(&token.text).1.get("roles"), None);
}

#[test]
fn no_token_expires_after_its_session() {
    let end = NOW + Duration::from_mins(1);
    let (user, session) = (user(), session());
    let grant = Grant { session_expires_at: end, ..grant(&user, &session) };
    assert_eq!(issuer().access_token(&grant, true, NOW).unwrap().expires_at, end);
    assert_eq!(issuer().refresh_token(&grant, &generation(0)).unwrap().expires_at, end);
}

#[test]
fn the_verifier_accepts_issued_tokens() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session);
    let token = issuer().access_token(&grant, false, NOW).unwrap();
    let claims = access(token.text.expose_secret()).unwrap();
    assert_eq!((claims.subject, claims.session.as_ref()), (alice(), Some(&session)));
    assert!(!claims.fresh);
    let token = issuer().refresh_token(&grant, &generation(9)).unwrap();
    let token = PresentedToken::parse(token.text.expose_secret()).unwrap();
    let claims = verifier().refresh(token, NOW).unwrap();
    assert_eq!((claims.subject, claims.session.as_ref()), (alice(), Some(&session)));
    assert_eq!(claims.generation, 9);
}

#[test]
fn a_refresh_token_records_whether_access_tokens_are_in_cookies() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session);
    let in_cookies = Grant { for_cookies: true, ..grant };
    for (token, is_alone) in [
        (issuer().refresh_token(&grant, &generation(0)), false),
        (issuer().refresh_token(&in_cookies, &generation(0)), false),
        (issuer().lone_refresh_token(&in_cookies, &generation(0)), true),
    ] {
        let token = token.unwrap();
        let token = PresentedToken::parse(token.text.expose_secret()).unwrap();
        assert_eq!(verifier().refresh(token, NOW).unwrap().is_alone_in_cookie(), is_alone);
    }
}

#[test]
fn the_refresh_token_of_a_generation_has_the_same_claims_each_time() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session);
    let [first, second] =
        [0, 1].map(|_| parts(&issuer().refresh_token(&grant, &generation(4)).unwrap().text));
    assert_eq!(first, second);
}

#[test]
fn tokens_of_both_types_name_their_session() {
    let (user, session) = (user(), session());
    let grant = grant(&user, &session);
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
    let grant = grant(&user, &session);
    let ids: HashSet<_> = (0..200)
        .map(|_| issuer.access_token(&grant, true, NOW).unwrap())
        .map(|token| parts(&token.text).1["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 200);
}
