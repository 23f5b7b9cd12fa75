//! A trusted edge in front of the real functions.
#![cfg(test)]

use latchkey_tests::{
    answer::Answer,
    stack::{PASSWORD, Settings, Stack},
};
use reqwest::Method;
use serde_json::json;

/// SHA-256 of `first secret` and of `second secret`.
const HASHES: &str = "a20576d9b8d428ea9011134b683e7cebd8f88b250e00520940635ccf23d9516f,\
     9ef4146f8166d32dc8051d3d9f3a0c4933e24aa8ccb439b5d9ad00078a89e2fc";
const SECRETS: [&str; 2] = ["first secret", "second secret"];

fn stack(edge: &str) -> Settings {
    Settings::default()
        .cheap_hashes()
        .variable("TRUSTED_EDGE", edge)
        .variable("EDGE_SECRET_SHA256", HASHES)
}

async fn send(
    stack: &Stack,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    token: &str,
) -> Answer {
    let body = json!({ "username": "alice", "password": PASSWORD });
    let request = stack.request(method.clone(), path);
    let request = if method == Method::POST { request.json(&body) } else { request };
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    stack.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_limits_count_the_addresses_that_the_edge_says() {
    let stack = stack("X-Client-IP").variable("LOGIN_LIMIT_ADDRESS", "1/86400").start();
    stack.sign_up("alice").await;
    let status = async |address: &str, secret: &str| {
        let headers = [("x-client-ip", address), ("x-origin-secret", secret)];
        send(&stack, (Method::POST, "/login"), &headers, "").await.status
    };
    for (index, secret) in SECRETS.into_iter().enumerate() {
        let address = format!("203.0.113.{index}");
        assert_eq!(status(&address, secret).await, 200);
        assert_eq!(status(&address, secret).await, 429);
    }
    assert_eq!(status("2001:db8::1", SECRETS[0]).await, 200);
    assert_eq!(status("2001:db8::2", SECRETS[0]).await, 429, "one /64");
    // Without the secret the address of the gateway counts.
    assert_eq!(status("203.0.113.50", "guess").await, 200);
    assert_eq!(status("203.0.113.51", "guess").await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_requests_around_a_required_edge() {
    let stack = stack("X-Client-IP,required").start();
    let through = [("x-client-ip", "203.0.113.1"), ("x-origin-secret", SECRETS[1])];
    assert_eq!(send(&stack, (Method::POST, "/signup"), &through, "").await.status, 201);
    let login = send(&stack, (Method::POST, "/login"), &through, "").await;
    let token = login.text("access_token");
    let routes = latchkey_testkit::template().routes;
    assert!(routes.len() > 20);
    for route in routes {
        let method: Method = route.method.parse().unwrap();
        let path = route.path.replace("{id}", "x");
        for headers in [&[][..], &[("x-origin-secret", "guess")], &through[..1]] {
            let answer = send(&stack, (method.clone(), &path), headers, token).await;
            assert_eq!(answer.status, 403, "{method} {path}");
            // The gateway words the authorizer's denials.
            if !path.starts_with("/workitems") && method != Method::HEAD && path != "/auth" {
                assert_eq!(answer.text("error"), "edge_required", "{method} {path}");
            }
        }
    }
    for path in ["/protected", "/me", "/workitems", "/health", "/.well-known/jwks.json"] {
        assert_eq!(send(&stack, (Method::GET, path), &through, token).await.status, 200, "{path}");
    }
    let sessions = send(&stack, (Method::GET, "/sessions"), &through, token).await;
    assert_eq!(sessions.body["sessions"][0]["ip"], "203.0.113.1");
    assert!(!SECRETS.iter().any(|secret| stack.log().contains(secret)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_through_cloudfront_without_a_trusted_edge_is_a_warning() {
    const WARNING: &str = "requests come through CloudFront, but TRUSTED_EDGE is not set";
    let stack = Settings::default().cheap_hashes().start();
    stack.sign_up("alice").await;
    assert!(!stack.log().contains(WARNING));
    let headers = [("x-amz-cf-id", "x"), ("via", "1.1 x.cloudfront.net (CloudFront)")];
    for _ in 0..3 {
        assert_eq!(send(&stack, (Method::POST, "/login"), &headers, "").await.status, 200);
    }
    stack.wait_for_log(WARNING);
    assert_eq!(stack.log().matches(WARNING).count(), 1, "one per process");
}
