//! Cookies and CSRF values.

use std::collections::BTreeSet;

use latchkey_tests::stack::{PASSWORD, claims_of};
use reqwest::{Method, header::HeaderValue};
use serde_json::json;

use crate::api::{Api, NEW_PASSWORD, SAME, case};
use crate::browser::{Browser, COOKIES, Cookie, cookies_of, with_cookies};

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_closed_and_change_nothing_without_their_csrf_value() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let browser = Browser::log_in(&api, "alice").await;

    let it = case("the cookies of a login", "neither Secure nor SameSite, and no `__Host-`");
    assert_eq!(browser.cookies.len(), 4, "{it}");
    let csrf_values = [&browser.access_csrf, &browser.refresh_csrf];
    for (((token, csrf), told), life) in COOKIES.into_iter().zip(csrf_values).zip([900, 2_592_000])
    {
        for (name, is_for_scripts) in [(token, false), (csrf, true)] {
            let cookie = browser.cookie(name);
            let has = |attribute: &str| cookie.attributes.contains(attribute);
            assert!(has("secure") && has("samesite=lax") && has("path=/"), "{it}: {cookie:?}");
            assert_ne!(has("httponly"), is_for_scripts, "{it}: {cookie:?}");
            assert!((1..=life).contains(&cookie.max_age().unwrap()), "{it}: {cookie:?}");
        }
        assert_eq!(&browser.cookie(csrf).value, told, "{it}");
        assert_eq!(claims_of(&browser.cookie(token).value)["csrf"], *told, "{it}");
    }

    let it = case("GET with the cookie alone", SAME);
    it.gets(&api.ask(browser.request(&api, Method::GET, "/me")).await, 200, "");

    let it = case("a change without the right CSRF value", SAME);
    let capitals = browser.access_csrf.to_uppercase();
    let wrong = "CSRF double submit tokens do not match";
    for (method, path) in [(Method::POST, "/password"), (Method::DELETE, "/sessions/none")] {
        let absent = api.ask(browser.request(&api, method.clone(), path)).await;
        it.gets(&absent, 401, "csrf_failed");
        assert_eq!(absent.text("msg"), "Missing CSRF token", "{it}");
        for (value, msg) in [
            ("", "Missing CSRF token"),
            ("wrong", wrong),
            (browser.refresh_csrf.as_str(), wrong),
            (capitals.as_str(), wrong),
        ] {
            let request = browser.request_with(value, &api, method.clone(), path);
            let answer = api.ask(request).await;
            it.gets(&answer, 401, "csrf_failed");
            assert_eq!(answer.text("msg"), msg, "{it}: {value}");
        }
    }
    // No route here takes these.
    for method in [Method::PUT, Method::PATCH] {
        it.gets(&api.ask(browser.request(&api, method, "/me")).await, 404, "Not Found");
    }

    let it = case("a change with it, the header's name in either case", SAME);
    let value = browser.access_csrf.as_str();
    let lower_case = browser.request_with(value, &api, Method::DELETE, "/sessions/none");
    it.gets(&api.ask(lower_case).await, 204, "");
    let client = reqwest::Client::builder().no_proxy().http1_title_case_headers().build().unwrap();
    let title_case = client
        .post(format!("{}/password", api.stack.url))
        .header("cookie", browser.cookie_header())
        .header("x-csrf-token", value)
        .json(&json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD }));
    let changed = api.ask(title_case).await;
    it.gets(&changed, 200, "");
    assert_eq!(changed.body.get("access_token"), None, "{it}: the tokens are in cookies");
    it.gets(&api.ask(browser.request(&api, Method::GET, "/me")).await, 401, "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csrf_value_is_a_header_of_its_own_token() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let browser = Browser::log_in(&api, "alice").await;

    let it = case("the CSRF value in its cookie only", SAME);
    assert!(browser.cookie_header().contains(&browser.access_csrf), "{it}");
    let request = browser.request(&api, Method::DELETE, "/sessions/none");
    it.gets(&api.ask(request).await, 401, "csrf_failed");

    let it = case("a CSRF header outside ASCII", "500");
    let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let request = browser.request(&api, Method::DELETE, "/sessions/none");
    it.gets(&api.ask(request.header("x-csrf-token", value)).await, 401, "csrf_failed");

    let it = case("a change by header token, cookies sent along", SAME);
    let other = api.tokens_of("alice").await.access;
    let request = browser.request(&api, Method::POST, "/logout").bearer_auth(&other);
    it.gets(&api.ask(request).await, 200, "");
    it.gets(&api.get("/protected", &other).await, 401, "token_revoked");
    it.gets(&api.ask(browser.request(&api, Method::GET, "/me")).await, 200, "");

    let it = case("the CSRF value of the other token", SAME);
    for (value, method, path) in [
        (&browser.access_csrf, Method::POST, "/refresh"),
        (&browser.refresh_csrf, Method::DELETE, "/sessions/none"),
    ] {
        let request = browser.request_with(value, &api, method, path);
        it.gets(&api.ask(request).await, 401, "csrf_failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_renewed_by_refresh_and_cleared_by_logout_and_else_left_alone() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let first = Browser::log_in(&api, "alice").await;
    let refresh = first.request_with(&first.refresh_csrf, &api, Method::POST, "/refresh");
    let browser = Browser::of(&api.ask(refresh).await);
    assert_ne!(browser.cookie_header(), first.cookie_header());

    let it = case("logout, and the cookies sent once more", "without a blocklist they work on");
    let logout = browser.request_with(&browser.access_csrf, &api, Method::POST, "/logout");
    let answer = api.ask(logout).await;
    it.gets(&answer, 200, "");
    let cleared = cookies_of(&answer);
    let places = |cookies: &[Cookie]| {
        let places = cookies.iter().map(|cookie| format!("{:?}", cookie.place()));
        places.collect::<BTreeSet<_>>()
    };
    assert_eq!(places(&cleared), places(&browser.cookies), "{it}");
    let me = api.ask(browser.request(&api, Method::GET, "/me")).await;
    it.gets(&me, 401, "token_revoked");
    let refresh = browser.request_with(&browser.refresh_csrf, &api, Method::POST, "/refresh");
    it.gets(&api.ask(refresh).await, 401, "token_revoked");

    // Nothing is refreshed that did not ask for it.
    let it = case("cookies without a request for them", "the documented refresh undoes a logout");
    assert_eq!(cleared.len(), 4, "{it}");
    for cookie in &cleared {
        assert_eq!(cookie.max_age(), Some(0), "{it}: {cookie:?}");
        assert!(!cookie.value.contains('.'), "{it}: {cookie:?}");
    }
    let other = Browser::log_in(&api, "alice").await;
    let me = api.ask(other.request(&api, Method::GET, "/me")).await;
    it.gets(&me, 200, "");
    assert_eq!(cookies_of(&me).len(), 0, "{it}");
}
