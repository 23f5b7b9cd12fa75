//! Tokens that a Flask service has minted, at the guard.
#![cfg(test)]

use std::time::Duration;

use auth_api::{
    Guard, Identity, RefreshToken, Refusal, Requirement, SessionCheck, TokenLocation,
    TokenLocations, TokenReader,
};
use auth_session::{AccountStatus, User};
use auth_store::{AddUser as _, MemoryUsers};
use auth_testkit::{
    flask::{SECRET, extended_claims, flask_jwt_claims, header, keys, sign},
    forge::{sign_with_hmac, with},
    subject::{NOW, operation, user, verifier},
};
use auth_token::{FlaskKeys, Timestamp, TokenError};
use lambda_http::{Body, http::Request};
use serde_json::{Value, json};

/// A guard over a store with alice in it, who has no session.
async fn guard(keys: FlaskKeys, change: impl FnOnce(&mut User)) -> (Guard<MemoryUsers>, User) {
    let (users, mut alice) = (MemoryUsers::default(), user("Alice"));
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    let reader = TokenReader::with_flask(verifier(), keys);
    (Guard::reading(reader, SessionCheck::strict(users)), alice)
}

fn extended() -> FlaskKeys {
    keys(&json!({ "minted_by": "flask" }))
}

async fn admit(token: &str, now: Timestamp) -> Result<Identity, Refusal> {
    guard(extended(), |_| ()).await.0.admit(token, now).await
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

#[track_caller]
fn assert_refused(verdict: &Result<Identity, Refusal>, expected: TokenError) {
    assert!(matches!(verdict, Err(Refusal::Token(error)) if *error == expected), "{verdict:?}");
}

#[tokio::test]
async fn a_flask_jwt_extended_token_opens_guarded_routes_until_it_expires() {
    let (guard, alice) = guard(extended(), |alice| alice.roles = vec!["admin".to_owned()]).await;
    let claims = with(extended_claims(), "plan", "pro".into());
    let token = sign(&with(claims, "roles", json!(["admin"])));
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    let request = request.body(()).unwrap();
    let caller = guard.check(&request, Requirement::FRESH, NOW).await.unwrap();
    assert_eq!((caller.user(), caller.username()), (&alice.id, "alice"));
    assert_eq!(caller.claims().claims.get("plan"), Some(&json!("pro")));
    assert!(!caller.has_role("admin"), "a role of theirs is none of ours");
    assert!(guard.admit(&token, later(899)).await.is_ok());
    assert_refused(&guard.admit(&token, later(900)).await, TokenError::Expired);

    for (fresh, is_fresh) in [
        (json!(false), false),
        (Value::Null, false),
        (json!("true"), false),
        (json!([1]), false),
        (json!(0), false),
        (json!(NOW.unix()), false),
        (json!(NOW.unix() + 60), true),
        (json!(1_700_000_060.25), true),
    ] {
        let token = sign(&with(extended_claims(), "fresh", fresh.clone()));
        let caller = guard.admit(&token, NOW).await.unwrap();
        assert_eq!(caller.claims().fresh, is_fresh, "{fresh}");
    }
}

#[tokio::test]
async fn what_flask_takes_for_valid_and_should_not_is_refused() {
    for (claim, value, expected) in [
        ("exp", Value::Null, TokenError::BadClaims),
        ("exp", json!("9999999999"), TokenError::BadClaims),
        ("exp", json!(1e300), TokenError::BadClaims),
        ("type", json!("password-reset"), TokenError::BadClaims),
        ("type", json!("Refresh"), TokenError::BadClaims),
        ("type", json!(7), TokenError::BadClaims),
        ("sub", json!(["alice"]), TokenError::BadClaims),
        ("sub", json!(""), TokenError::BadClaims),
        ("sub", json!(1.5), TokenError::BadClaims),
        ("nbf", json!(NOW.unix() + 1), TokenError::NotYetValid),
        ("iat", json!(NOW.unix() + 1), TokenError::IssuedInFuture),
        ("iat", json!("now"), TokenError::BadClaims),
    ] {
        let token = sign(&with(extended_claims(), claim, value.clone()));
        let verdict = admit(&token, NOW).await;
        assert!(verdict.is_err(), "{claim} {value}");
        assert_refused(&verdict, expected);
    }
    let refresh = sign(&with(extended_claims(), "type", "refresh".into()));
    assert!(matches!(admit(&refresh, NOW).await, Err(Refusal::Token(TokenError::WrongType(_)))));
    let claims = extended_claims();
    for (what, token) in [
        ("another secret", sign_with_hmac(&header(), &claims, b"another-flask-secret")),
        (
            "another algorithm",
            sign_with_hmac(&with(header(), "alg", "HS384".into()), &claims, SECRET),
        ),
        ("no algorithm", sign_with_hmac(&with(header(), "alg", "none".into()), &claims, SECRET)),
        ("a key's name", sign_with_hmac(&with(header(), "kid", "old".into()), &claims, SECRET)),
        ("crit", sign_with_hmac(&with(header(), "crit", json!(["exp"])), &claims, SECRET)),
        ("our type", sign_with_hmac(&with(header(), "typ", "at+jwt".into()), &claims, SECRET)),
        ("padding", format!("{}=", sign(&claims))),
    ] {
        assert!(matches!(admit(&token, NOW).await, Err(Refusal::Token(_))), "{what}");
    }
    for gone in ["nbf", "iat", "jti", "fresh", "type", "csrf"] {
        let token = sign(&with(claims.clone(), gone, Value::Null));
        assert!(admit(&token, NOW).await.is_ok(), "Flask does without {gone}");
    }
}

#[tokio::test]
async fn a_flask_jwt_token_opens_guarded_routes_until_it_expires() {
    let mark = json!({ "minted_by": "flask-jwt", "subject": "id" });
    let (guard, _) = guard(keys(&mark), |_| ()).await;
    let token = sign(&flask_jwt_claims());
    for scheme in ["JWT", "jwt", "Bearer"] {
        let request = Request::builder().header("authorization", format!("{scheme} {token}"));
        let request = request.body(()).unwrap();
        let caller = guard.check(&request, Requirement::TOKEN, NOW).await.unwrap();
        assert_eq!((caller.user().as_str(), caller.username()), ("1", "1"));
    }
    assert_refused(&guard.admit(&token, later(300)).await, TokenError::Expired);
    for claim in ["exp", "iat", "nbf", "identity"] {
        let token = sign(&with(flask_jwt_claims(), claim, Value::Null));
        assert_refused(&guard.admit(&token, NOW).await, TokenError::BadClaims);
    }
}

#[tokio::test]
async fn a_flask_token_ends_with_a_password_change() {
    let token = sign(&extended_claims());
    let changes: [fn(&mut User); 2] =
        [|alice| alice.credentials_version = 1, |alice| alice.status = AccountStatus::Disabled];
    for change in changes {
        let (guard, _) = guard(extended(), change).await;
        let verdict = guard.admit(&token, NOW).await;
        assert!(matches!(verdict, Err(Refusal::SessionEnded)), "{verdict:?}");
    }
    let nobody = sign(&with(extended_claims(), "sub", "bob".into()));
    assert!(matches!(admit(&nobody, NOW).await, Err(Refusal::SessionEnded)));
}

#[tokio::test]
async fn without_its_key_a_flask_token_is_refused() {
    let (guard, _) = guard(FlaskKeys::default(), |_| ()).await;
    assert_refused(&guard.admit(&sign(&extended_claims()), NOW).await, TokenError::BadHeader);
}

#[tokio::test]
async fn the_old_services_issuer_audience_and_claim_are_demanded_when_given() {
    let mark = json!({
        "minted_by": "flask", "iss": "flask", "aud": "app", "identity_claim": "user",
    });
    let (guard, _) = guard(keys(&mark), |_| ()).await;
    let claims = with(with(extended_claims(), "iss", "flask".into()), "aud", "app".into());
    let claims = with(claims, "user", "alice".into());
    assert!(guard.admit(&sign(&claims), NOW).await.is_ok());
    for (claim, value, expected) in [
        ("iss", json!("other"), TokenError::WrongIssuer),
        ("iss", Value::Null, TokenError::WrongIssuer),
        ("aud", json!(["app"]), TokenError::WrongAudience),
        ("user", Value::Null, TokenError::BadClaims),
    ] {
        let verdict = guard.admit(&sign(&with(claims.clone(), claim, value)), NOW).await;
        assert_refused(&verdict, expected);
    }
}

#[tokio::test]
async fn a_flask_cookie_works_under_flasks_name_with_its_csrf_value() {
    let mut locations = TokenLocations {
        order: vec![TokenLocation::Headers, TokenLocation::Cookies],
        ..TokenLocations::default()
    };
    locations.cookies.access.token.name = "access_token_cookie".to_owned();
    locations.cookies.refresh.token.name = "refresh_token_cookie".to_owned();
    let users = MemoryUsers::default();
    users.add_user(&user("alice"), &operation()).await.unwrap();
    let reader = || TokenReader {
        locations: locations.clone(),
        ..TokenReader::with_flask(verifier(), extended())
    };
    let (reader, guard) = (reader(), Guard::reading(reader(), SessionCheck::strict(users)));
    let request = |method: &str, csrf: &str, refresh: bool| {
        let kind = if refresh { "refresh" } else { "access" };
        let token = sign(&with(extended_claims(), "type", kind.into()));
        let request = Request::builder().method(method).uri("/");
        let request = request.header("cookie", format!("{kind}_token_cookie={token}"));
        request.header("x-csrf-token", csrf).body(Body::Empty).unwrap()
    };
    for (method, csrf, is_taken) in [
        ("GET", "", true),
        ("POST", "", false),
        ("POST", "other", false),
        ("POST", "flask-csrf", true),
    ] {
        let verdict = guard.check(&request(method, csrf, false), Requirement::TOKEN, NOW).await;
        assert_eq!(verdict.is_ok(), is_taken, "{method} {csrf}");
        if method == "POST" {
            let verdict = reader.refresh(&request(method, csrf, true), NOW).await;
            assert_eq!(verdict.is_ok(), is_taken);
        }
    }
    let (token, location) =
        reader.refresh(&request("POST", "flask-csrf", true), NOW).await.unwrap();
    assert!(matches!(token, RefreshToken::Flask(_)));
    assert_eq!(location, TokenLocation::Cookies);
}
