//! Variants of paths, headers and cookies, with the real binaries.
#![cfg(test)]

use latchkey_tests::stack::{PASSWORD, Settings, Stack, Tokens};
use reqwest::Method;
use serde_json::json;

async fn logged_in(settings: Settings) -> (Stack, Tokens) {
    let stack = settings.cheap_hashes().start();
    stack.sign_up("alice").await;
    let tokens = Tokens::of(&stack.log_in("alice").await);
    (stack, tokens)
}

async fn status(stack: &Stack, method: Method, path: &str, authorization: &str) -> u16 {
    let request = stack.request(method, path).header("authorization", authorization);
    stack.send(request).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_paths_and_paths_below_the_base_path_are_routed() {
    let (stack, tokens) = logged_in(Settings::default().variable("BASE_PATH", "/auth")).await;
    let bearer = format!("Bearer {}", tokens.access);
    for id in ["a", "a%20b", "%3C%22%3E", "%C3%A4", "%2F", "-._~!$&'()*+,;=:@", "100%25", "%41"] {
        for base in ["", "/auth"] {
            let path = format!("{base}/sessions/{id}");
            assert_eq!(status(&stack, Method::DELETE, &path, &bearer).await, 204, "{path}");
            let path = format!("{base}/workitems/{id}");
            assert_eq!(status(&stack, Method::DELETE, &path, &bearer).await, 204, "{path}");
        }
    }
    assert_eq!(status(&stack, Method::GET, "/auth/protected", &bearer).await, 200);
    assert_eq!(status(&stack, Method::GET, "/authprotected", &bearer).await, 404);
    for path in ["/auth", "/auth/auth"] {
        let refused = stack.post(path, &json!({})).await;
        assert_eq!((refused.status, refused.text("error")), (401, "Bad Request"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_uses_the_configured_scheme() {
    for (configured, token_type, prefix) in
        [("Token", "Token", "Token "), ("Token", "Token", "token  "), ("none", "Bearer", "")]
    {
        let stack =
            Settings::default().variable("JWT_HEADER_TYPE", configured).cheap_hashes().start();
        stack.sign_up("alice").await;
        let login = stack.log_in("alice").await;
        assert_eq!(login.text("token_type"), token_type);
        let tokens = Tokens::of(&login);
        let good = format!("{prefix}{}", tokens.access);
        let bearer = format!("Bearer {}", tokens.access);
        for path in ["/protected", "/me", "/workitems"] {
            assert_eq!(status(&stack, Method::GET, path, &good).await, 200, "{path} {configured}");
            let refused = status(&stack, Method::GET, path, &bearer).await;
            assert!([401, 403].contains(&refused), "{path} {configured}: {refused}");
        }
        let refresh = format!("{prefix}{}", tokens.refresh);
        assert_eq!(status(&stack, Method::POST, "/refresh", &refresh).await, 200);
        assert_eq!(status(&stack, Method::POST, "/logout", &good).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_accepted_beside_other_credentials() {
    let (stack, tokens) = logged_in(Settings::default()).await;
    for path in ["/protected", "/me", "/workitems"] {
        let two_lines = stack
            .request(Method::GET, path)
            .header("authorization", "Basic dXNlcjpwYXNz")
            .header("authorization", format!("Bearer  {}", tokens.access))
            .header("cookie", "a=\"; b");
        assert_eq!(stack.send(two_lines).await.status, 200, "{path}");
    }
    for (content_type, body) in
        [("application/json", "null"), ("application/x-www-form-urlencoded", "a=b"), ("", "text")]
    {
        let request = stack
            .request(Method::POST, "/refresh")
            .bearer_auth(&tokens.refresh)
            .header("content-type", content_type)
            .body(body);
        assert_eq!(stack.send(request).await.status, 200, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_may_hold_only_the_refresh_token() {
    let settings = Settings::default().variable("JWT_TOKEN_LOCATION", "headers,cookies");
    let stack = settings.cheap_hashes().start();
    stack.sign_up("alice").await;
    let login = json!({ "username": "alice", "password": PASSWORD, "cookies": "refresh" });
    let mut answer = stack.post("/login", &login).await;
    for _ in 0..3 {
        assert_eq!(answer.status, 200, "{answer:?}");
        let access = answer.text("access_token").to_owned();
        assert_eq!(stack.get("/protected", &access).await.status, 200);
        let cookies = answer.headers.get_all("set-cookie").iter();
        let cookies: Vec<_> = cookies.map(|cookie| cookie.to_str().unwrap()).collect();
        let [token, csrf] = cookies[..] else { panic!("{cookies:?}") };
        assert!(token.starts_with("__Host-refresh_token=") && token.contains("HttpOnly"));
        assert!(csrf.starts_with("__Host-csrf_refresh_token="));
        let request = stack
            .request(Method::POST, "/refresh")
            .header("cookie", token.split(';').next().unwrap())
            .header("x-csrf-token", answer.text("csrf_refresh_token"));
        answer = stack.send(request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_exposes_retry_after_and_health_answers_head() {
    let origin = "https://app.example.com";
    let settings = Settings::default().option("--parameter", &format!("CorsOrigins={origin}"));
    let stack = settings.start();
    let refused = stack.request(Method::GET, "/protected").header("origin", origin);
    let refused = stack.send(refused).await;
    assert_eq!(refused.status, 401);
    let exposed = refused.header("access-control-expose-headers").to_lowercase();
    assert!(exposed.contains("www-authenticate") && exposed.contains("retry-after"), "{exposed}");
    let head = stack.send(stack.request(Method::HEAD, "/health")).await;
    assert_eq!((head.status, head.body.is_null()), (200, true), "{head:?}");
}
