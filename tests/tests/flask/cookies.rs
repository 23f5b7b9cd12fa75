//! Cookies and CSRF values.

use std::collections::BTreeSet;

use latchkey_tests::stack::{PASSWORD, claims_of};
use reqwest::{Method, header::HeaderValue};
use serde_json::json;

use crate::api::{Api, NEW_PASSWORD, SAME, case};
use crate::browser::{Browser, COOKIES, Cookie, cookies_of, with_cookies};

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_hidden_from_scripts_and_changes_need_the_csrf_value() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let browser = Browser::log_in(&api, "alice").await;

    let it = case("the cookies of a login", "neither Secure nor SameSite, and no `__Host-`");
    assert_eq!(browser.cookies.len(), 4, "{it}");
    let csrf_values = [&browser.access_csrf, &browser.refresh_csrf];
    for (((token, csrf), csrf_value), lifetime) in
        COOKIES.into_iter().zip(csrf_values).zip([900, 2_592_000])
    {
        for (name, is_for_scripts) in [(token, false), (csrf, true)] {
            let cookie = browser.cookie(name);
            let has = |attribute: &str| cookie.attributes.contains(attribute);
            assert!(has("secure") && has("samesite=lax") && has("path=/"), "{it}: {cookie:?}");
            assert_ne!(has("httponly"), is_for_scripts, "{it}: {cookie:?}");
            assert!((1..=lifetime).contains(&cookie.max_age().unwrap()), "{it}: {cookie:?}");
        }
        assert_eq!(&browser.cookie(csrf).value, csrf_value, "{it}");
        assert_eq!(claims_of(&browser.cookie(token).value)["csrf"], *csrf_value, "{it}");
    }

    let it = case("GET with the cookie alone", SAME);
    it.expects(&api.ask(browser.request(&api, Method::GET, "/me")).await, 200, "");

    let it = case("a change without the right CSRF value", SAME);
    let capitals = browser.access_csrf.to_uppercase();
    let wrong = "CSRF double submit tokens do not match";
    for (method, path) in [(Method::POST, "/password"), (Method::DELETE, "/sessions/none")] {
        let absent = api.ask(browser.request(&api, method.clone(), path)).await;
        it.expects(&absent, 401, "csrf_failed");
        assert_eq!(absent.text("msg"), "Missing CSRF token", "{it}");
        for (value, msg) in [
            ("", "Missing CSRF token"),
            ("wrong", wrong),
            (browser.refresh_csrf.as_str(), wrong),
            (capitals.as_str(), wrong),
        ] {
            let request = browser.request_with(value, &api, method.clone(), path);
            let answer = api.ask(request).await;
            it.expects(&answer, 401, "csrf_failed");
            assert_eq!(answer.text("msg"), msg, "{it}: {value}");
        }
    }
    // No route has these methods.
    for method in [Method::PUT, Method::PATCH] {
        it.expects(&api.ask(browser.request(&api, method, "/me")).await, 404, "Not Found");
    }

    let it = case("a change with it, the header's name in either case", SAME);
    let value = browser.access_csrf.as_str();
    let lower_case = browser.request_with(value, &api, Method::DELETE, "/sessions/none");
    it.expects(&api.ask(lower_case).await, 204, "");
    let client = reqwest::Client::builder().no_proxy().http1_title_case_headers().build().unwrap();
    let title_case = client
        .post(format!("{}/password", api.stack.url))
        .header("cookie", browser.cookie_header())
        .header("x-csrf-token", value)
        .json(&json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD }));
    let changed = api.ask(title_case).await;
    it.expects(&changed, 200, "");
    assert_eq!(changed.body.get("access_token"), None, "{it}: tokens in cookies");
    it.expects(&api.ask(browser.request(&api, Method::GET, "/me")).await, 401, "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_csrf_value_of_the_token_must_be_in_the_header() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let browser = Browser::log_in(&api, "alice").await;

    let it = case("the CSRF value in its cookie only", SAME);
    assert!(browser.cookie_header().contains(&browser.access_csrf), "{it}");
    let request = browser.request(&api, Method::DELETE, "/sessions/none");
    it.expects(&api.ask(request).await, 401, "csrf_failed");

    let it = case("a CSRF header outside ASCII", "500");
    let value = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let request = browser.request(&api, Method::DELETE, "/sessions/none");
    it.expects(&api.ask(request.header("x-csrf-token", value)).await, 401, "csrf_failed");

    let it = case("a change by header token, cookies sent along", SAME);
    let other = api.tokens_of("alice").await.access;
    let request = browser.request(&api, Method::POST, "/logout").bearer_auth(&other);
    it.expects(&api.ask(request).await, 200, "");
    it.expects(&api.get("/protected", &other).await, 401, "token_revoked");
    it.expects(&api.ask(browser.request(&api, Method::GET, "/me")).await, 200, "");

    let it = case("the CSRF value of the other token", SAME);
    for (value, method, path) in [
        (&browser.access_csrf, Method::POST, "/refresh"),
        (&browser.refresh_csrf, Method::DELETE, "/sessions/none"),
    ] {
        let request = browser.request_with(value, &api, method, path);
        it.expects(&api.ask(request).await, 401, "csrf_failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_refresh_renews_and_logout_clears_cookies() {
    let api = Api::start(with_cookies());
    api.sign_up("alice").await;
    let first = Browser::log_in(&api, "alice").await;
    let refresh = first.request_with(&first.refresh_csrf, &api, Method::POST, "/refresh");
    let browser = Browser::of(&api.ask(refresh).await);
    assert_ne!(browser.cookie_header(), first.cookie_header());

    let it = case("logout, then the cookies again", "without a blocklist they still work");
    let logout = browser.request_with(&browser.access_csrf, &api, Method::POST, "/logout");
    let answer = api.ask(logout).await;
    it.expects(&answer, 200, "");
    let cleared = cookies_of(&answer);
    let identities = |cookies: &[Cookie]| {
        let identities = cookies.iter().map(|cookie| format!("{:?}", cookie.identity()));
        identities.collect::<BTreeSet<_>>()
    };
    assert_eq!(identities(&cleared), identities(&browser.cookies), "{it}");
    let me = api.ask(browser.request(&api, Method::GET, "/me")).await;
    it.expects(&me, 401, "token_revoked");
    let refresh = browser.request_with(&browser.refresh_csrf, &api, Method::POST, "/refresh");
    it.expects(&api.ask(refresh).await, 401, "token_revoked");

    // No refresh happens without a request for it.
    let it = case("cookies of other answers", "the documented refresh undoes a logout");
    assert_eq!(cleared.len(), 4, "{it}");
    for cookie in &cleared {
        assert_eq!(cookie.max_age(), Some(0), "{it}: {cookie:?}");
        assert!(!cookie.value.contains('.'), "{it}: {cookie:?}");
    }
    let other = Browser::log_in(&api, "alice").await;
    let me = api.ask(other.request(&api, Method::GET, "/me")).await;
    it.expects(&me, 200, "");
    assert_eq!(cookies_of(&me).len(), 0, "{it}");
}
