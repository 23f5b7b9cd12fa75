//! Keys, metadata, health.
#![cfg(test)]

use std::time::Duration;

use discovery::Discovery;
use lambda_http::Request;
use latchkey_http::{GatewayAnswer, answer};
use latchkey_keys::{KeyCache, KeyRing, NewKey};
use latchkey_testkit::{
    event::{request, with_header},
    fixtures::{ISSUER, KEY_POLICY, KID, NOW, key_set, verifying_ring},
    unavailable,
};
use latchkey_token::{Algorithm, KeySet};
use serde_json::{Value, json};

async fn call(issuer: &str, event: &Value) -> GatewayAnswer {
    call_with(KeyCache::of_static(key_set()), issuer, event).await
}

async fn call_with(keys: KeyCache, issuer: &str, event: &Value) -> GatewayAnswer {
    let discovery = Discovery { issuer: issuer.to_owned(), keys };
    let handle = async |request: &Request| discovery.handle(request, NOW).await;
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
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"], "no private member");
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
async fn the_metadata_lists_the_endpoints() {
    let (_, body) = get("/.well-known/openid-configuration").await;
    let endpoints = body["latchkey_endpoints"].as_object().unwrap();
    let names = ["login", "logout", "me", "password", "refresh", "sessions", "signup"];
    assert_eq!(endpoints.keys().collect::<Vec<_>>(), names);
    for (name, url) in endpoints {
        assert_eq!(*url, format!("https://auth.example.com/{name}"));
    }
}

#[tokio::test]
async fn all_keys_of_a_ring_are_served_and_each_algorithm_is_listed_once() {
    let mut ring = KeyRing::first(KEY_POLICY.generate().unwrap(), NOW);
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        ring.add_next(NOW, &mut || Ok(NewKey::generate(algorithm)?)).unwrap();
        if algorithm == Algorithm::Es256 {
            ring.rotate(KEY_POLICY.retention, true, NOW).unwrap();
        }
    }
    let ring = ring.public().clone();
    let keys = || KeyCache::of_static(KeySet::new(None, ring.verifying_keys().unwrap()));

    let answer = call_with(keys(), ISSUER, &request("GET", "/.well-known/jwks.json")).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let served: Vec<_> = body["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert!(served.into_iter().eq(ring.keys.iter().map(|key| key.jwk.kid.as_str())), "{body}");
    assert!(body["keys"][0].get("state").is_none(), "{body}");

    // A replaced key is served until its end.
    let mut ring = ring.clone();
    for (until, served) in [(NOW, 2), (NOW + Duration::from_secs(1), 3)] {
        ring.keys[2].until = Some(until);
        let keys = KeyCache::of_static(KeySet::new(None, ring.verifying_keys().unwrap()));
        let answer = call_with(keys, ISSUER, &request("GET", "/.well-known/jwks.json")).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["keys"].as_array().unwrap().len(), served, "{body}");
    }

    let event = request("GET", "/.well-known/openid-configuration");
    let answer = call_with(keys(), ISSUER, &event).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["id_token_signing_alg_values_supported"], json!(["ES256", "EdDSA"]));
}

#[tokio::test]
async fn without_keys_only_health_is_available() {
    let keys = verifying_ring().connect(&unavailable::aws(), NOW).await;
    for (path, status) in [
        ("/.well-known/jwks.json", 503),
        ("/.well-known/openid-configuration", 503),
        ("/health", 200),
    ] {
        let answer = call_with(keys.clone(), ISSUER, &request("GET", path)).await;
        assert_eq!((answer.status_code, &*answer.headers["cache-control"]), (status, "no-store"));
        assert_eq!(answer.headers.contains_key("retry-after"), status == 503, "{path}");
    }
}

#[tokio::test]
async fn without_an_issuer_url_the_gateways_domain_is_used() {
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

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    for path in ["/health", "/.well-known/jwks.json", "/.well-known/openid-configuration"] {
        let (got, asked) = (get(path).await.0, call(ISSUER, &request("HEAD", path)).await);
        assert_eq!((asked.status_code, asked.body.as_str()), (200, ""), "{path}");
        assert_eq!(asked.headers, got.headers, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let refused = call(ISSUER, &request(method, "/health")).await;
        assert_eq!((refused.status_code, refused.headers["allow"].as_str()), (405, "GET, HEAD"));
    }
}

#[tokio::test]
async fn metadata_urls_include_the_base_path_of_the_request() {
    let mut event = request("GET", "/v1/.well-known/openid-configuration");
    event["requestContext"]["stage"] = "v1".into();
    let body: Value = serde_json::from_str(&call("urn:x", &event).await.body).unwrap();
    assert_eq!(body["jwks_uri"], "https://api.example.com/v1/.well-known/jwks.json");
}
