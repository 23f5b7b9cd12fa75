//! Keys, metadata, health.
#![cfg(test)]

use auth_api::{GatewayAnswer, answer};
use auth_testkit::{
    event::{request, with_header},
    subject::{ISSUER, KID, key_ring},
};
use discovery::Discovery;
use lambda_http::Request;
use serde_json::{Value, json};

async fn call(issuer: &str, event: &Value) -> GatewayAnswer {
    let discovery = Discovery { issuer: issuer.to_owned(), keys: key_ring().public_jwk_set() };
    let handle = async |request: &Request| discovery.handle(request);
    answer(&event.to_string(), &handle).await
}

async fn get(path: &str) -> (GatewayAnswer, Value) {
    let answer = call(ISSUER, &request("GET", path)).await;
    let body = serde_json::from_str(&answer.body).unwrap();
    (answer, body)
}

#[tokio::test]
async fn the_public_keys_are_served_and_may_be_cached() {
    let (answer, body) = get("/.well-known/jwks.json").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert_eq!(body["keys"][0]["kid"], KID);
    let members: Vec<_> = body["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"], "none of them private");
}

#[tokio::test]
async fn the_metadata_names_the_issuer_byte_for_byte() {
    let (answer, body) = get("/.well-known/openid-configuration").await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert_eq!(body["issuer"], ISSUER);
    assert_eq!(body["jwks_uri"], "https://auth.example.com/.well-known/jwks.json");
    assert_eq!(body["id_token_signing_alg_values_supported"], json!(["ES256"]));
}

#[tokio::test]
async fn an_issuer_that_is_no_url_leaves_the_gateways_own_name() {
    let event = with_header(
        request("GET", "/.well-known/openid-configuration"),
        "host",
        "evil.example.com",
    );
    let answer = call("urn:latchkey:eu-west-1:123456789012:latchkey", &event).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["issuer"], "urn:latchkey:eu-west-1:123456789012:latchkey");
    assert_eq!(body["jwks_uri"], "https://api.example.com/.well-known/jwks.json");
}

#[tokio::test]
async fn health_is_ok_and_never_cached() {
    let (answer, body) = get("/health").await;
    assert_eq!((answer.status_code, body), (200, json!({ "status": "ok" })));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    for (method, path, status) in [
        ("GET", "/.well-known", 404),
        ("GET", "/.well-known/jwks.json/", 404),
        ("POST", "/nothing", 404),
        ("POST", "/health", 405),
        ("DELETE", "/.well-known/jwks.json", 405),
    ] {
        assert_eq!(call(ISSUER, &request(method, path)).await.status_code, status, "{path}");
    }
}
