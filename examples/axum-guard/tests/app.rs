//! The service accepts tokens as a deployment issues them.
#![cfg(test)]

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use latchkey_token::{
    Algorithm, Grant, Issuer, KeySet, SessionId, SigningKey, Timestamp, TokenProfile, UserId,
};

use secrecy::ExposeSecret as _;
use tower::ServiceExt as _;

const ISSUER: &str = "https://auth.example.com";
const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);

/// The keys of a deployment, and an access token signed with them.
fn keys_and_token(roles: &[String]) -> (KeySet, String) {
    let keys = KeySet::parse(&SigningKey::generate_jwk_set(Algorithm::Es256).unwrap()).unwrap();
    let profile = TokenProfile::new(ISSUER);
    let grant = Grant {
        user: &UserId::generate().unwrap(),
        username: "alice",
        session: &SessionId::generate().unwrap(),
        session_expires_at: NOW + profile.refresh_lifetime,
        roles,
        auth_time: NOW,
        claims: None,
        for_cookies: false,
    };
    let issuer = Issuer::new(keys.signing().unwrap(), &profile);
    let token = issuer.access_token(&grant, true, NOW).unwrap().text.expose_secret().to_owned();
    (keys, token)
}

async fn get(keys: &KeySet, path: &str, token: Option<&str>) -> (StatusCode, String) {
    let jwks = serde_json::to_string(&keys.public_jwk_set()).unwrap();
    let app = axum_guard::app(ISSUER, &jwks, || NOW).unwrap();
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_token_of_the_deployment_is_accepted() {
    let (keys, token) = keys_and_token(&[]);
    let (status, body) = get(&keys, "/me", Some(&token)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains(r#""username":"alice""#), "{body}");
}

#[tokio::test]
async fn a_missing_or_bad_token_is_401_and_a_missing_role_is_403() {
    let (keys, token) = keys_and_token(&[]);
    let (_, foreign) = keys_and_token(&[]);
    for (path, token, expected) in [
        ("/", None, 200),
        ("/me", None, 401),
        ("/me", Some("x.y.z"), 401),
        ("/me", Some(foreign.as_str()), 401),
        ("/admin", Some(token.as_str()), 403),
    ] {
        let (status, body) = get(&keys, path, token).await;
        assert_eq!(status.as_u16(), expected, "{path} {body}");
    }
    let (keys, token) = keys_and_token(&["admin".to_owned()]);
    assert_eq!(get(&keys, "/admin", Some(&token)).await.0, StatusCode::OK);
}
