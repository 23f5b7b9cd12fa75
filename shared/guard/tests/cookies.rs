//! Tokens in cookies: how they are set and read back, and their CSRF values.
#![cfg(test)]

use lambda_http::{
    Body, Request, Response,
    http::{self, HeaderName, header::SET_COOKIE},
};
use latchkey_guard::{
    CookieSettings, Delivery, Guard, Requirement, RevocationCheck, SameSite, SessionOf,
    TokenLocation, TokenLocations, TokenReader, token_response,
};
use latchkey_http::{ApiError, ErrorKind};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    fixtures::{NOW, issuer, reader, session, user, verifier},
    forge,
};
use latchkey_token::{AdditionalClaims, PresentedToken};
use serde_json::Value;

fn locations(cookies: CookieSettings) -> TokenLocations {
    TokenLocations { order: vec![TokenLocation::Cookies], cookies, ..TokenLocations::default() }
}

/// The response to a login that requests cookies.
fn login(cookies: &CookieSettings) -> Response<Body> {
    let mut alice = user("alice");
    let started = session(&alice, NOW);
    alice.sessions.insert(started.id.clone(), started.session.clone());
    let holder = SessionOf { user: &alice, id: &started.id, session: &started.session };
    token_response(issuer(), holder, true, Delivery::Cookies(cookies), NOW).unwrap()
}

fn set_cookies(answer: &Response<Body>) -> Vec<String> {
    let values = answer.headers().get_all(SET_COOKIE).iter();
    values.map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn body(answer: &Response<Body>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

/// The `Cookie` header that a browser sends after this response.
fn cookie_header(answer: &Response<Body>) -> String {
    let pairs = set_cookies(answer).into_iter();
    pairs.map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect::<Vec<_>>().join("; ")
}

fn request(method: &str, cookies: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = http::Request::builder()
        .method(method)
        .uri("/")
        .header("host", "api.example.com")
        .header("cookie", cookies);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::Empty).unwrap()
}

async fn check(cookies: &CookieSettings, request: &Request) -> Result<(), ApiError> {
    let locations = locations(cookies.clone());
    let reader = TokenReader { locations, ..reader() };
    let guard = Guard::new(reader, None::<MemoryUsers>, RevocationCheck::Off);
    guard.authenticate(request, Requirement::TOKEN, NOW).await.map(drop)
}

#[test]
fn a_login_with_cookies_sets_four_and_has_no_token_in_its_body() {
    let answer = login(&CookieSettings::default());
    let cookies = set_cookies(&answer);
    let attributes: Vec<_> = cookies
        .iter()
        .map(|cookie| {
            let (name, rest) = cookie.split_once('=').unwrap();
            (name, rest.split_once("; ").unwrap().1)
        })
        .collect();
    let http_only = |life| format!("HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age={life}");
    let readable = |life| format!("SameSite=Lax; Secure; Path=/; Max-Age={life}");
    assert_eq!(
        attributes,
        [
            ("__Host-access_token", http_only(900).as_str()),
            ("__Host-csrf_access_token", &readable(900)),
            ("__Host-refresh_token", &http_only(2_592_000)),
            ("__Host-csrf_refresh_token", &readable(2_592_000)),
        ]
    );
    let body = body(&answer);
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        ["csrf_access_token", "csrf_refresh_token", "expires_in", "msg", "refresh_expires_in"]
    );
    for csrf in ["csrf_access_token", "csrf_refresh_token"] {
        let value = body[csrf].as_str().unwrap();
        assert!(
            cookies.iter().any(|cookie| cookie.starts_with(&format!("__Host-{csrf}={value};")))
        );
    }
}

#[test]
fn browser_session_cookies_have_no_expiry() {
    let until_closed = CookieSettings { end_with_browser: true, ..CookieSettings::default() };
    for cookie in set_cookies(&login(&until_closed)) {
        assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    }
}

#[test]
fn the_csrf_values_can_be_omitted_from_cookies() {
    let without_csrf = CookieSettings { show_csrf: false, ..CookieSettings::default() };
    let answer = login(&without_csrf);
    let cookies = set_cookies(&answer);
    assert_eq!(cookies.len(), 2);
    assert!(cookies.iter().all(|cookie| cookie.contains("HttpOnly")), "{cookies:?}");
    assert!(body(&answer)["csrf_access_token"].is_string());
}

#[tokio::test]
async fn cookie_names_paths_and_domain_are_configurable() {
    let mut flask = CookieSettings {
        domain: Some("example.com".to_owned()),
        same_site: SameSite::Strict,
        ..CookieSettings::default()
    };
    flask.access.token.name = "access_token_cookie".to_owned();
    flask.access.token.path = "/api".to_owned();
    flask.access.csrf.name = "csrf_access_token".to_owned();
    flask.refresh.token.name = "refresh_token_cookie".to_owned();
    flask.refresh.token.path = "/refresh".to_owned();
    flask.refresh.csrf.name = "csrf_refresh_token".to_owned();
    flask.refresh.csrf.path = "/app".to_owned();
    let answer = login(&flask);
    for (name, path) in [
        ("access_token_cookie", "/api"),
        ("csrf_access_token", "/"),
        ("refresh_token_cookie", "/refresh"),
        ("csrf_refresh_token", "/app"),
    ] {
        let cookies = set_cookies(&answer);
        let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap();
        for attribute in [&format!("Path={path};"), "Domain=example.com", "SameSite=Strict"] {
            assert!(format!("{cookie};").contains(attribute), "{attribute}: {cookie}");
        }
    }
    assert!(check(&flask, &request("GET", &cookie_header(&answer), &[])).await.is_ok());

    let mut response = Response::new(Body::Empty);
    flask.clear(response.headers_mut());
    let cleared = set_cookies(&response);
    assert_eq!(cleared.len(), 4);
    for (old, new) in set_cookies(&answer).iter().zip(&cleared) {
        let attributes = |cookie: &str| {
            let attributes = cookie
                .split("; ")
                .skip(1)
                .filter(|a| !a.starts_with("Max-Age") && !a.starts_with("Expires"));
            attributes.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(attributes(old), attributes(new), "or the browser keeps the cookie");
        assert!(new.contains("=;") && new.contains("Max-Age=0"), "{new}");
    }
}

#[tokio::test]
async fn unsafe_methods_need_the_csrf_value_of_the_token() {
    let settings = CookieSettings::default();
    let answer = login(&settings);
    let (cookies, body) = (cookie_header(&answer), body(&answer));
    let (own, other) =
        (body["csrf_access_token"].as_str().unwrap(), body["csrf_refresh_token"].as_str().unwrap());
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert!(check(&settings, &request(method, &cookies, &[])).await.is_ok(), "{method}");
    }
    let upper = own.to_uppercase();
    for method in ["POST", "PUT", "PATCH", "DELETE", "LINK"] {
        let with_csrf = |value: &str| request(method, &cookies, &[("x-csrf-token", value)]);
        assert!(check(&settings, &with_csrf(own)).await.is_ok(), "{method}");
        for (value, expected) in [
            ("", ErrorKind::CsrfMissing),
            (other, ErrorKind::CsrfMismatch),
            (upper.as_str(), ErrorKind::CsrfMismatch),
            (&own[1..], ErrorKind::CsrfMismatch),
        ] {
            let refusal = check(&settings, &with_csrf(value)).await;
            assert_eq!(refusal.unwrap_err().kind(), expected);
        }
        let refusal = check(&settings, &request(method, &cookies, &[])).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::CsrfMissing),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn the_csrf_header_is_configurable() {
    let mut settings = CookieSettings::default();
    settings.access.csrf_header = HeaderName::from_static("x-xsrf");
    let answer = login(&settings);
    let (cookies, body) = (cookie_header(&answer), body(&answer));
    let csrf = body["csrf_access_token"].as_str().unwrap();
    let own = request("POST", &cookies, &[("x-xsrf", csrf)]);
    assert!(check(&settings, &own).await.is_ok());
    let default = request("POST", &cookies, &[("x-csrf-token", csrf)]);
    let refusal = check(&settings, &default).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::CsrfMissing),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_foreign_origin_is_refused_even_with_the_csrf_value() {
    let settings = CookieSettings {
        allowed_origins: vec!["https://app.example.com".to_owned()],
        ..CookieSettings::default()
    };
    let answer = login(&settings);
    let (cookies, body) = (cookie_header(&answer), body(&answer));
    let csrf = body["csrf_access_token"].as_str().unwrap();
    for (origin, is_allowed) in [
        ("https://api.example.com", true),
        ("https://app.example.com", true),
        ("http://api.example.com", false),
        ("https://api.example.com:8443", false),
        ("https://api.example.com.evil.com", false),
        ("https://evil.com", false),
        ("null", false),
        ("", false),
    ] {
        let headers = [("x-csrf-token", csrf), ("origin", origin)];
        let verdict = check(&settings, &request("POST", &cookies, &headers)).await;
        assert_eq!(verdict.is_ok(), is_allowed, "{origin:?}");
    }
}

#[tokio::test]
async fn a_token_without_a_csrf_claim_is_refused_in_a_cookie() {
    let settings = CookieSettings::default();
    let token = forge::sign(&forge::header(), &forge::claims());
    for method in ["GET", "POST"] {
        let request = request(method, &format!("__Host-access_token={token}"), &[]);
        let refusal = check(&settings, &request).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
            "{method}: {refusal:?}"
        );
    }
}

#[test]
fn a_token_too_large_for_a_cookie_is_an_error() {
    let mut alice = user("alice");
    let claims = serde_json::json!({ "text": "x".repeat(3_500) });
    alice.claims = AdditionalClaims::new(claims.as_object().unwrap().clone()).unwrap();
    let started = session(&alice, NOW);
    let holder = SessionOf { user: &alice, id: &started.id, session: &started.session };
    let answer = |delivery| token_response(issuer(), holder, true, delivery, NOW);
    assert!(answer(Delivery::Body { token_type: "Bearer" }).is_ok());
    let refused = answer(Delivery::Cookies(&CookieSettings::default())).unwrap_err();
    assert_eq!(refused.kind().code(), "internal");
}

#[tokio::test]
async fn a_refresh_token_may_be_in_a_cookie_and_the_access_token_in_the_body() {
    let settings = CookieSettings::default();
    let mut alice = user("alice");
    let started = session(&alice, NOW);
    alice.sessions.insert(started.id.clone(), started.session.clone());
    let holder = SessionOf { user: &alice, id: &started.id, session: &started.session };
    let delivery = Delivery::RefreshCookie { token_type: "Token", cookies: &settings };
    let answer = token_response(issuer(), holder, true, delivery, NOW).unwrap();
    let members = body(&answer);
    let names: Vec<_> = members.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["access_token", "csrf_refresh_token", "expires_in", "refresh_expires_in", "token_type"]
    );
    assert_eq!(members["token_type"], "Token");
    let names: Vec<_> = set_cookies(&answer)
        .iter()
        .map(|cookie| cookie.split('=').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["__Host-refresh_token", "__Host-csrf_refresh_token"]);
    let token = PresentedToken::parse(members["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(
        verifier().access(token, NOW).unwrap().csrf,
        None,
        "the access token is for a header"
    );
}

#[test]
fn a_refresh_token_in_a_cookie_is_replaced_in_the_cookie() {
    let both = TokenLocations {
        order: vec![TokenLocation::Headers, TokenLocation::Cookies],
        ..TokenLocations::default()
    };
    let with_cookie = request("POST", "__Host-refresh_token=x", &[]);
    let without = request("POST", "other=x", &[]);
    let delivery = |request, location| both.delivery_beside(request, location);
    let (headers, cookies) = (TokenLocation::Headers, TokenLocation::Cookies);
    assert!(matches!(delivery(&with_cookie, headers), Delivery::RefreshCookie { .. }));
    assert!(matches!(delivery(&without, headers), Delivery::Body { token_type: "Bearer" }));
    assert!(matches!(delivery(&with_cookie, cookies), Delivery::Cookies(_)));
    let unconfigured = TokenLocations::default();
    assert!(matches!(unconfigured.delivery_beside(&with_cookie, headers), Delivery::Body { .. }));
}
