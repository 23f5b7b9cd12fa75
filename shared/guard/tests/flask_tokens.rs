//! Flask tokens at the guard.
#![cfg(test)]

use std::time::Duration;

use lambda_http::{Body, http::Request};
use latchkey_guard::{Guard, Identity, Requirement, RevocationCheck, TokenReader};
use latchkey_http::{ApiError, ErrorKind};
use latchkey_session::{AccountStatus, AddUser as _, LegacyUser, User};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    fixtures::{NOW, key_set, operation, reader_with, token_profile, user},
    flask::{SECRET, extended_claims, flask_jwt_claims, header, keys, sign},
    forge::{sign_with_hmac, with},
};
use latchkey_token::{KeySet, Timestamp, TokenError, TokenProfile};
use serde_json::{Value, json};

/// A guard over a store with the user alice, who has no session and the legacy identities `alice`
/// and 1.
async fn guard(keys: KeySet, change: impl FnOnce(&mut User)) -> (Guard<MemoryUsers>, User) {
    let (users, mut alice) = (MemoryUsers::default(), user("Alice"));
    change(&mut alice);
    users.add_user(&alice, &operation()).await.unwrap();
    for identity in ["alice", "1"] {
        users.add_legacy_user(identity, legacy_user(&alice));
    }
    let reader = reader_with(keys);
    (Guard::new(reader, Some(users), RevocationCheck::Strict), alice)
}

fn legacy_user(user: &User) -> LegacyUser {
    LegacyUser { id: user.id.clone(), username: user.username.clone() }
}

fn extended() -> KeySet {
    keys(&json!({ "minted_by": "flask" }))
}

async fn admit(token: &str, now: Timestamp) -> Result<Identity, ApiError> {
    guard(extended(), |_| ()).await.0.authenticate_token(token, now).await
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

#[track_caller]
fn assert_refused(verdict: &Result<Identity, ApiError>, expected: TokenError) {
    let kind = verdict.as_ref().unwrap_err().kind();
    assert_eq!(kind, ApiError::from(expected).kind(), "{expected:?}");
}

#[tokio::test]
async fn a_flask_jwt_extended_token_is_accepted_until_it_expires() {
    let (guard, alice) = guard(extended(), |alice| alice.roles = vec!["admin".to_owned()]).await;
    let claims = with(extended_claims(), "plan", "pro".into());
    let token = sign(&with(claims, "roles", json!(["admin"])));
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::Empty).unwrap();
    let caller = guard.authenticate(&request, Requirement::FRESH, NOW).await.unwrap();
    assert_eq!((caller.user(), caller.username()), (&alice.id, "Alice"));
    assert_eq!(caller.claims().auth_time, NOW, "`iat`");
    assert_eq!(caller.claims().claims.get("plan"), Some(&json!("pro")));
    assert!(!caller.has_role("admin"), "roles come from the account");
    assert!(guard.authenticate_token(&token, later(899)).await.is_ok());
    assert_refused(&guard.authenticate_token(&token, later(900)).await, TokenError::Expired);

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
        let caller = guard.authenticate_token(&token, NOW).await.unwrap();
        assert_eq!(caller.claims().fresh, is_fresh, "{fresh}");
    }
}

#[tokio::test]
async fn invalid_tokens_that_flask_accepts_are_refused() {
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
        ("iat", Value::Null, TokenError::BadClaims),
        ("type", Value::Null, TokenError::BadClaims),
    ] {
        let token = sign(&with(extended_claims(), claim, value.clone()));
        let verdict = admit(&token, NOW).await;
        assert!(verdict.is_err(), "{claim} {value}");
        assert_refused(&verdict, expected);
    }
    let refresh = sign(&with(extended_claims(), "type", "refresh".into()));
    assert!(
        matches!(admit(&refresh, NOW).await, Err(ref error) if error.kind() == ErrorKind::AccessTokenRequired)
    );
    let claims = extended_claims();
    for (case, token) in [
        ("another secret", sign_with_hmac(&header(), &claims, b"another-flask-secret")),
        (
            "another algorithm",
            sign_with_hmac(&with(header(), "alg", "HS384".into()), &claims, SECRET),
        ),
        ("no algorithm", sign_with_hmac(&with(header(), "alg", "none".into()), &claims, SECRET)),
        ("a key id", sign_with_hmac(&with(header(), "kid", "old".into()), &claims, SECRET)),
        ("crit", sign_with_hmac(&with(header(), "crit", json!(["exp"])), &claims, SECRET)),
        (
            "the type of our tokens",
            sign_with_hmac(&with(header(), "typ", "at+jwt".into()), &claims, SECRET),
        ),
        ("padding", format!("{}=", sign(&claims))),
    ] {
        assert!(
            matches!(admit(&token, NOW).await, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
            "{case}"
        );
    }
    for missing in ["nbf", "jti", "fresh", "csrf"] {
        let token = sign(&with(claims.clone(), missing, Value::Null));
        assert!(admit(&token, NOW).await.is_ok(), "{missing} is optional");
    }
}

#[tokio::test]
async fn a_flask_jwt_token_is_accepted_until_it_expires() {
    let (guard, alice) = guard(keys(&json!({ "minted_by": "flask-jwt" })), |_| ()).await;
    let token = sign(&flask_jwt_claims());
    for scheme in ["JWT", "jwt", "Bearer"] {
        let request = Request::builder().header("authorization", format!("{scheme} {token}"));
        let request = request.body(Body::Empty).unwrap();
        let caller = guard.authenticate(&request, Requirement::TOKEN, NOW).await.unwrap();
        assert_eq!((caller.user(), caller.username()), (&alice.id, "Alice"));
    }
    assert_refused(&guard.authenticate_token(&token, later(300)).await, TokenError::Expired);
    for claim in ["exp", "iat", "nbf", "identity"] {
        let token = sign(&with(flask_jwt_claims(), claim, Value::Null));
        assert_refused(&guard.authenticate_token(&token, NOW).await, TokenError::BadClaims);
    }
}

#[tokio::test]
async fn a_flask_token_is_revoked_by_an_account_change() {
    let token = sign(&extended_claims());
    let changes: [fn(&mut User); 2] =
        [|alice| alice.credentials_version = 1, |alice| alice.status = AccountStatus::Disabled];
    for change in changes {
        let (guard, _) = guard(extended(), change).await;
        let verdict = guard.authenticate_token(&token, NOW).await;
        assert!(
            matches!(verdict, Err(ref error) if error.kind() == ErrorKind::TokenRevoked),
            "{verdict:?}"
        );
    }
}

#[tokio::test]
async fn a_flask_token_is_valid_only_for_its_migrated_account() {
    let (guard, alice) = guard(extended(), |_| ()).await;
    let users = MemoryUsers::default();
    let assert_revoked = async |guard: &Guard<MemoryUsers>, identity: Value| {
        let token = sign(&with(extended_claims(), "sub", identity.clone()));
        let verdict = guard.authenticate_token(&token, NOW).await;
        assert!(
            matches!(verdict, Err(ref error) if error.kind() == ErrorKind::TokenRevoked),
            "{identity}: {verdict:?}"
        );
    };
    // The legacy service distinguished these identities from `alice`.
    for other in ["Alice", "ALICE", "alice ", " alice", "alice\0", "ａｌｉｃｅ", "bob", "01"] {
        assert_revoked(&guard, other.into()).await;
    }
    assert_revoked(&guard, json!(2)).await;
    assert_revoked(&guard, "x".repeat(3_000).into()).await;

    // The account is deleted, and another user signs up with the name.
    let reader = || reader_with(extended());
    users.add_legacy_user("alice", legacy_user(&alice));
    let recreated = Guard::new(reader(), Some(users.clone()), RevocationCheck::Strict);
    assert_revoked(&recreated, "alice".into()).await;
    users.add_user(&user("Alice"), &operation()).await.unwrap();
    assert_revoked(&recreated, "alice".into()).await;
    // An identity that was not migrated, and another user with the name.
    users.add_user(&user("carol"), &operation()).await.unwrap();
    assert_revoked(&recreated, "carol".into()).await;
}

#[tokio::test]
async fn flask_accounts_are_looked_up_even_without_the_revocation_check() {
    let token = sign(&extended_claims());
    for (version, is_admitted) in [(0, true), (1, false)] {
        let (users, mut alice) = (MemoryUsers::default(), user("Alice"));
        alice.credentials_version = version;
        users.add_user(&alice, &operation()).await.unwrap();
        users.add_legacy_user("alice", legacy_user(&alice));
        for check in [RevocationCheck::Off, RevocationCheck::Cached(Duration::from_mins(1))] {
            let guard = Guard::new(reader_with(extended()), Some(users.clone()), check);
            assert_eq!(guard.authenticate_token(&token, NOW).await.is_ok(), is_admitted);
        }
    }
}

#[tokio::test]
async fn leeway_applies_to_flask_tokens_too() {
    let profile = TokenProfile { leeway: Duration::from_secs(10), ..token_profile() };
    let (users, alice) = (MemoryUsers::default(), user("Alice"));
    users.add_user(&alice, &operation()).await.unwrap();
    users.add_legacy_user("alice", legacy_user(&alice));
    let reader = TokenReader { profile, ..reader_with(extended()) };
    let guard = Guard::new(reader, Some(users), RevocationCheck::Strict);
    let verdict = async |claim: &str, seconds: u64| {
        let token = sign(&with(extended_claims(), claim, seconds.into()));
        guard.authenticate_token(&token, NOW).await.map(drop)
    };
    let now = NOW.unix();
    for claim in ["nbf", "iat"] {
        assert!(verdict(claim, now + 10).await.is_ok(), "{claim}");
        assert!(verdict(claim, now + 11).await.is_err(), "{claim}");
    }
    assert!(verdict("exp", now - 9).await.is_ok());
    assert!(verdict("exp", now - 10).await.is_err());
}

#[tokio::test]
async fn a_recent_password_can_be_required_of_flask_tokens() {
    let (guard, _) = guard(extended(), |_| ()).await;
    let then = NOW.unix() - 600;
    let claims = with(with(extended_claims(), "iat", then.into()), "nbf", then.into());
    let token = sign(&claims);
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::Empty).unwrap();
    for (minutes, is_admitted) in [(11, true), (10, false)] {
        let required = Requirement::fresh_within(Duration::from_mins(minutes));
        assert_eq!(
            guard.authenticate(&request, required, NOW).await.is_ok(),
            is_admitted,
            "{minutes}"
        );
    }
}

#[tokio::test]
async fn without_its_key_a_flask_token_is_refused() {
    let (guard, _) = guard(key_set(), |_| ()).await;
    assert_refused(
        &guard.authenticate_token(&sign(&extended_claims()), NOW).await,
        TokenError::BadHeader,
    );
}

#[tokio::test]
async fn a_configured_legacy_issuer_audience_and_claim_are_required() {
    let mark = json!({
        "minted_by": "flask", "iss": "flask", "aud": "app", "identity_claim": "user",
    });
    let (guard, _) = guard(keys(&mark), |_| ()).await;
    let claims = with(with(extended_claims(), "iss", "flask".into()), "aud", "app".into());
    let claims = with(claims, "user", "alice".into());
    for aud in [json!("app"), json!(["app"]), json!(["other", "app"])] {
        let token = sign(&with(claims.clone(), "aud", aud.clone()));
        assert!(guard.authenticate_token(&token, NOW).await.is_ok(), "{aud}");
    }
    for (claim, value, expected) in [
        ("iss", json!("other"), TokenError::WrongIssuer),
        ("iss", Value::Null, TokenError::WrongIssuer),
        ("aud", json!("other"), TokenError::WrongAudience),
        ("aud", json!(["other", 7]), TokenError::WrongAudience),
        ("aud", json!([]), TokenError::WrongAudience),
        ("aud", json!([["app"]]), TokenError::WrongAudience),
        ("aud", json!({ "app": 1 }), TokenError::WrongAudience),
        ("aud", Value::Null, TokenError::WrongAudience),
        ("user", Value::Null, TokenError::BadClaims),
    ] {
        let verdict =
            guard.authenticate_token(&sign(&with(claims.clone(), claim, value)), NOW).await;
        assert_refused(&verdict, expected);
    }
}
