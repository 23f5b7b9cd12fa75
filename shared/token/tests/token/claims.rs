//! Additional claims and headers, and accepted issuers and audiences.

use latchkey_token::{
    AdditionalClaims, AdditionalError, Generation, Grant, Issuer, PresentedToken, TokenError,
    TokenId, Verifier,
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::fixtures::{
    ISSUER, NOW, access, alice, claims, grant, header, issuer, key_set, map, part, refresh_claims,
    refresh_header, session, sign, token_profile, user, with,
};

/// An access and a refresh token with additional claims.
fn tokens(issuer: Issuer<'_>, claims: &AdditionalClaims, for_cookies: bool) -> [String; 2] {
    let (user, session) = (user(), session());
    let grant = Grant { claims: Some(claims), for_cookies, ..grant(&user, &session) };
    let generation =
        Generation { number: 0, token: TokenId::parse("token-1").unwrap(), began_at: NOW };
    let access = issuer.access_token(&grant, true, NOW).unwrap();
    let refresh = issuer.refresh_token(&grant, &generation).unwrap();
    [access, refresh].map(|token| token.text.expose_secret().to_owned())
}

#[test]
fn only_configured_issuers_and_audiences_are_accepted() {
    let mut profile = token_profile();
    profile.other_issuers = vec!["https://old.example.com".to_owned()];
    profile.other_audiences = vec!["mobile".to_owned(), "desktop".to_owned()];
    let keys = key_set();
    let verifier = Verifier::new(&keys, &profile);
    for (iss, aud, expected) in [
        (ISSUER, ISSUER, Ok(())),
        ("https://old.example.com", ISSUER, Ok(())),
        (ISSUER, "desktop", Ok(())),
        ("https://old.example.com", "mobile", Ok(())),
        ("https://older.example.com", ISSUER, Err(TokenError::WrongIssuer)),
        ("mobile", ISSUER, Err(TokenError::WrongIssuer)),
        (ISSUER, "https://old.example.com", Err(TokenError::WrongAudience)),
    ] {
        let claims = with(with(claims(), "iss", iss.into()), "aud", aud.into());
        let token = sign(&header(), &claims);
        let verdict = verifier.access(PresentedToken::parse(&token).unwrap(), NOW).map(drop);
        assert_eq!(verdict, expected, "{iss} {aud}");
    }
}

#[test]
fn the_audience_of_refresh_tokens_differs_from_that_of_access_tokens() {
    let [access, refresh] = tokens(issuer(), &AdditionalClaims::default(), false);
    assert_eq!(part(&access, 1)["aud"], ISSUER);
    assert_eq!(part(&refresh, 1)["aud"], format!("{ISSUER}#refresh"));

    let old = "https://old.example.com";
    let mut profile = token_profile();
    profile.other_issuers = vec![old.to_owned()];
    profile.other_audiences = vec!["mobile".to_owned()];
    let keys = key_set();
    let verifier = Verifier::new(&keys, &profile);
    for (iss, aud, expected) in [
        (ISSUER, format!("{ISSUER}#refresh"), Ok(())),
        (old, format!("{old}#refresh"), Ok(())),
        (ISSUER, ISSUER.to_owned(), Err(TokenError::WrongAudience)),
        (ISSUER, "mobile".to_owned(), Err(TokenError::WrongAudience)),
        (ISSUER, format!("{old}#refresh"), Err(TokenError::WrongAudience)),
        (old, format!("{ISSUER}#refresh"), Err(TokenError::WrongAudience)),
        (ISSUER, format!("{ISSUER}#mfa"), Err(TokenError::WrongAudience)),
    ] {
        let claims = refresh_claims(0);
        let claims = with(with(claims, "iss", iss.into()), "aud", aud.clone().into());
        let token = sign(&refresh_header(), &claims);
        let token = PresentedToken::parse(&token).unwrap();
        assert_eq!(verifier.refresh(token, NOW).map(drop), expected, "refresh {iss} {aud}");
        assert_eq!(verifier.session(token, NOW).map(drop), expected, "logout {iss} {aud}");
    }

    // An access token must not have the audience of refresh tokens.
    let aud = format!("{ISSUER}#refresh");
    let token = sign(&header(), &with(claims(), "aud", aud.clone().into()));
    let verdict = verifier.access(PresentedToken::parse(&token).unwrap(), NOW).map(drop);
    assert_eq!(verdict, Err(TokenError::WrongAudience));
    assert!(profile.reserves(&aud) && profile.reserves(&format!("{old}#mfa")));
    assert!(!profile.reserves(ISSUER) && !profile.reserves(&format!("{ISSUER}/#x")));
}

#[test]
fn additional_claims_are_only_in_access_tokens() {
    let claims = map(json!({ "plan": "pro", "limits": { "rate": [1, 2.5, null, true] } }));
    let claims = AdditionalClaims::new(claims).unwrap();
    let [token, refresh] = tokens(issuer(), &claims, false);
    assert_eq!(part(&refresh, 1).get("plan"), None);
    let read = access(&token).unwrap();
    assert_eq!((read.subject, read.csrf, read.claims), (alice(), None, claims));
}

#[test]
fn additional_headers_are_only_in_access_tokens() {
    let headers = map(json!({ "tenant": "a", "x": { "y": [1] } }));
    let issuer = issuer().with_headers(&headers).unwrap();
    let [token, refresh] = tokens(issuer, &AdditionalClaims::default(), false);
    assert_eq!(
        part(&token, 0),
        json!({ "alg": "ES256", "kid": "test-key", "typ": "at+jwt", "tenant": "a", "x": { "y": [1] } })
    );
    assert_eq!(part(&refresh, 0), json!({ "alg": "ES256", "kid": "test-key", "typ": "rt+jwt" }));
    assert!(access(&token).is_ok());
}

#[test]
fn a_reserved_header_cannot_be_added() {
    for name in ["alg", "kid", "typ", "crit", "b64", "zip", "jwk", "jku", "x5u", "x5c", "cty"] {
        let refused = issuer().with_headers(&map(json!({ name: "x" }))).unwrap_err();
        assert_eq!(refused, AdditionalError::Reserved(name.to_owned()));
    }
    let many: Map<_, _> = (0..9).map(|number| (number.to_string(), Value::Null)).collect();
    for headers in [many, map(json!({ "long": "x".repeat(512) }))] {
        assert_eq!(issuer().with_headers(&headers).unwrap_err(), AdditionalError::TooLarge);
    }
}

#[test]
fn a_token_with_the_maximum_additions_is_accepted() {
    let headers: Map<_, _> =
        (0..8).map(|number| (number.to_string(), Value::from("x".repeat(50)))).collect();
    let claims = AdditionalClaims::new(map(json!({ "text": "x".repeat(4_080) }))).unwrap();
    let issuer = issuer().with_headers(&headers).unwrap();
    let [token, _] = tokens(issuer, &claims, true);
    assert!(access(&token).is_ok());
}

#[test]
fn additional_claims_are_limited_in_size() {
    let claims = |length| AdditionalClaims::new(map(json!({ "text": "x".repeat(length) })));
    assert!(claims(4_000).is_ok());
    assert_eq!(claims(4_090), Err(AdditionalError::TooLarge));
}

#[test]
fn each_token_for_a_cookie_has_its_own_csrf_value() {
    let no_claims = AdditionalClaims::default();
    let csrf = |token: &str| part(token, 1)["csrf"].as_str().unwrap().to_owned();
    let [access, refresh] = tokens(issuer(), &no_claims, true);
    let [other_access, same_refresh] = tokens(issuer(), &no_claims, true);
    assert!(csrf(&access).len() >= 22 && csrf(&refresh).len() >= 22);
    assert_ne!(csrf(&access), csrf(&refresh));
    assert_ne!(csrf(&access), csrf(&other_access));
    // The refresh tokens of a generation have the same CSRF value.
    assert_eq!(csrf(&refresh), csrf(&same_refresh));
    assert!(!csrf(&refresh).contains("token-1"));
    let [bearer, _] = tokens(issuer(), &no_claims, false);
    assert_eq!(part(&bearer, 1).get("csrf"), None);
}
