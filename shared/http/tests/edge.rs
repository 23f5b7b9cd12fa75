//! The client's address behind a trusted edge.
#![cfg(test)]

use std::cell::RefCell;

use aws_lc_rs::digest::{SHA256, digest};
use lambda_http::Request;
use latchkey_http::{HttpSettings, RequestContext, TrustedEdge, answer_with, empty};
use latchkey_testkit::event::post_text;
use serde_json::Value;

/// API Gateway's `sourceIp` in the test events.
const GATEWAY: &str = "192.0.2.1";
const CLIENT: (&str, &str) = ("x-client-ip", "203.0.113.7");
const SECRET: (&str, &str) = ("x-origin-secret", "first secret");

fn edge(is_required: bool) -> TrustedEdge {
    let hash = |secret: &str| digest(&SHA256, secret.as_bytes()).as_ref().try_into().unwrap();
    TrustedEdge {
        address_header: "X-Client-IP".parse().unwrap(),
        secret_hashes: vec![hash("first secret"), hash("second secret")],
        is_required,
    }
}

/// The client address that the handler sees, or the code of the refusal.
async fn address(edge: Option<TrustedEdge>, headers: &[(&str, &str)]) -> Result<String, String> {
    let mut event = post_text("/login", "{}");
    event["requestContext"]["http"]["sourceIp"] = GATEWAY.into();
    for (name, value) in headers {
        event["headers"][*name] = (*value).into();
    }
    let seen = RefCell::new(None);
    let handle = async |request: &Request| {
        seen.replace(Some(RequestContext::of(request).source_ip.clone()));
        Ok(empty())
    };
    let settings = HttpSettings { edge, ..HttpSettings::default() };
    let answer = answer_with(&settings, &event.to_string(), &handle).await;
    seen.take().ok_or_else(|| {
        assert_eq!(answer.status_code, 403);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["msg"], "Request did not come through the edge");
        body["error"].as_str().unwrap().to_owned()
    })
}

#[tokio::test]
async fn the_address_of_the_edge_counts_only_with_a_secret() {
    for secret in ["first secret", "second secret"] {
        let headers = [CLIENT, ("x-origin-secret", secret)];
        assert_eq!(address(Some(edge(false)), &headers).await.unwrap(), "203.0.113.7");
    }
    for headers in [
        &[CLIENT][..],
        &[CLIENT, ("x-origin-secret", "")],
        &[CLIENT, ("x-origin-secret", "third secret")],
        &[CLIENT, ("x-origin-secret", "first secret,second secret")],
        &[CLIENT, ("x-origin-secret", " first secret")],
        &[CLIENT, ("x-client-secret", "first secret")],
        &[("x-forwarded-for", "203.0.113.7"), SECRET],
    ] {
        assert_eq!(address(Some(edge(false)), headers).await.unwrap(), GATEWAY, "{headers:?}");
    }
    assert_eq!(address(None, &[CLIENT, SECRET]).await.unwrap(), GATEWAY);
}

#[tokio::test]
async fn the_hash_of_the_secret_is_no_secret() {
    let hash = hex::encode(edge(false).secret_hashes[0]);
    let headers = [CLIENT, ("x-origin-secret", hash.as_str())];
    assert_eq!(address(Some(edge(true)), &headers).await, Err("edge_required".to_owned()));
}

#[tokio::test]
async fn an_ip_address_alone_is_a_client_address() {
    for (text, expected) in [
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:443", GATEWAY),
        ("[2001:db8::7]:443", GATEWAY),
        ("203.0.113.7,198.51.100.1", GATEWAY),
        ("203.0.113.007", GATEWAY),
        ("client.example.com", GATEWAY),
        ("", GATEWAY),
        ("203.0.113.7\u{0}", GATEWAY),
    ] {
        let headers = [("x-client-ip", text), SECRET];
        let found = address(Some(edge(false)), &headers).await;
        assert_eq!(found.as_deref(), Ok(expected), "{text:?}");
    }
}

#[tokio::test]
async fn a_required_edge_refuses_requests_without_its_secret() {
    assert_eq!(address(Some(edge(true)), &[CLIENT, SECRET]).await.unwrap(), "203.0.113.7");
    for headers in [&[][..], &[CLIENT], &[CLIENT, ("x-origin-secret", "third secret")]] {
        let refused = address(Some(edge(true)), headers).await;
        assert_eq!(refused, Err("edge_required".to_owned()), "{headers:?}");
    }
}
