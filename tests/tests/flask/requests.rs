//! Token locations, optional routes, other methods, roles and error codes.

use std::collections::BTreeSet;

use latchkey_testkit::forge::{header, sign};
use latchkey_tests::{
    process::wait_for_end,
    stack::{PASSWORD, Settings, Tokens, claims_of, signal_to},
};
use reqwest::Method;
use serde_json::json;

use crate::api::{
    Api, SAME, UP_TO_THE_APPLICATION, case, credentials, expired, members, with_changes,
    with_known_key,
};
use crate::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn locations_are_searched_in_order_and_the_first_token_is_used() {
    let all = "headers,cookies,query_string,json";
    let api = Api::start(Settings::default().variable("JWT_TOKEN_LOCATION", all));
    let alice = api.sign_up_and_log_in("alice").await.access;
    api.sign_up("bob").await;
    let browser = Browser::log_in(&api, "bob").await;

    let it = case("a good token in a later location", SAME);
    let other_scheme = browser.request(&api, Method::GET, "/me").header("authorization", "Basic x");
    it.expects(&api.ask(other_scheme).await, 200, "");
    it.expects(&api.open(&format!("/me?jwt={alice}")).await, 200, "");
    let delete = || api.request(Method::DELETE, "/sessions/none");
    it.expects(&api.ask(delete().json(&json!({ "access_token": alice }))).await, 204, "");
    assert!(!api.stack.log().contains(&alice), "{it}: the token is not logged");

    let it = case("a bad token first and a good one later", "422, or 401 when it has expired");
    let cookie_later = browser.request(&api, Method::GET, "/me").bearer_auth("x.y.z");
    it.expects(&api.ask(cookie_later).await, 401, "invalid_token");
    // Browsers always send cookies. Two tokens in other locations are an error (RFC 6750 §2).
    let two = api.get(&format!("/me?jwt={alice}"), "x.y.z").await;
    it.expects(&two, 400, "invalid_request");

    let it = case("the tokens of two users", "the first one's");
    let both = browser.request(&api, Method::GET, "/protected").bearer_auth(&alice);
    let answer = api.ask(both).await;
    it.expects(&answer, 200, "");
    assert_eq!(answer.text("logged_in_as"), "alice", "{it}");
    let bob = api.tokens_of("bob").await.access;
    let two = api.get(&format!("/protected?jwt={bob}"), &alice).await;
    it.expects(&two, 400, "invalid_request");
    assert_eq!(two.text("msg"), "The token must be sent in one place only", "{it}");

    let it = case(
        "a JSON body that is not an object, or a member that is not a string",
        "500 for three, else 4xx",
    );
    for (body, code) in [
        ("[]", "missing_token"),
        ("\"x\"", "missing_token"),
        ("null", "missing_token"),
        (r#"{"access_token":"\ud800"}"#, "missing_token"),
        (r#"{"access_token":5}"#, "invalid_token"),
        (r#"{"access_token":["x"]}"#, "invalid_token"),
    ] {
        let request = delete().header("content-type", "application/json").body(body);
        it.expects(&api.ask(request).await, 401, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_routes_preflights_and_head_requests() {
    let origin = "https://app.example.com";
    let settings = with_known_key().option("--parameter", &format!("CorsOrigins={origin}"));
    let (api, tokens) = Api::with_alice(settings).await;
    let optional = "/protected/optional";

    let it = case("an optional route: no token, a good one, bad ones", "422 for junk");
    let anonymous = api.open(optional).await;
    it.expects(&anonymous, 200, "");
    assert_eq!(anonymous.body, json!({ "logged_in_as": null }), "{it}");
    let known = api.get(optional, &tokens.access).await;
    assert_eq!(known.body, json!({ "logged_in_as": "alice" }), "{it}");
    let revoked = api.tokens_of("alice").await.access;
    api.log_out(&revoked).await;
    for (token, code) in [
        (expired(&claims_of(&tokens.access), 1), "token_expired"),
        ("x.y.z".to_owned(), "invalid_token"),
        (revoked, "token_revoked"),
    ] {
        it.expects(&api.get(optional, &token).await, 401, code);
    }

    let it = case("an optional route with `Basic x`; with `bearer A`", "anonymous for both");
    for (value, user) in
        [("Basic x".to_owned(), json!(null)), (format!("bearer {}", tokens.access), json!("alice"))]
    {
        let request = api.request(Method::GET, optional).header("authorization", value);
        let answer = api.ask(request).await;
        it.expects(&answer, 200, "");
        assert_eq!(answer.body, json!({ "logged_in_as": user }), "{it}");
    }

    let it = case("a preflight without a token", "200; Flask-CORS adds the headers");
    let preflight = api
        .request(Method::OPTIONS, "/protected")
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = api.ask(preflight).await;
    it.expects(&answer, 204, "");
    assert_eq!(answer.header("access-control-allow-origin"), origin, "{it}");
    assert!(answer.header("access-control-allow-headers").contains("authorization"), "{it}");

    // The gateway routes HEAD only if the template has it.
    let it = case("HEAD without a token", "401");
    let answer = api.ask(api.request(Method::HEAD, "/protected")).await;
    it.expects(&answer, 404, "");
    assert!(answer.body.is_null(), "{it}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_cannot_access_routes_and_items_of_others() {
    let api = Api::start(with_known_key());
    for name in ["alice", "mallory"] {
        assert_eq!(api.sign_up(name).await.status, 201);
    }

    let it = case("an admin's route without the role; with the role in a body", SAME);
    let roles = json!({ "roles": ["admin"], "role": "admin" });
    let body = with_changes(&credentials("mallory", PASSWORD), roles.clone());
    let mallory = Tokens::of(&api.post("/login", &body).await).access;
    let admin = || api.request(Method::GET, "/protected/admin");
    for request in [admin().bearer_auth(&mallory), admin().bearer_auth(&mallory).json(&roles)] {
        it.expects(&api.ask(request).await, 403, "insufficient_role");
    }
    let promoted = with_changes(&claims_of(&mallory), json!({ "roles": ["admin"] }));
    let promoted = sign(&header(), &promoted);
    it.expects(&api.get("/protected/admin", &promoted).await, 200, "");

    // A deletion always answers 204, which does not reveal items of others.
    let it = case("another user's item; another user's session", UP_TO_THE_APPLICATION);
    let alice = api.tokens_of("alice").await.access;
    let add = api.request(Method::POST, "/workitems").bearer_auth(&alice);
    let added = api.ask(add.json(&json!({ "title": "Mow the lawn" }))).await;
    it.expects(&added, 201, "");
    let item = format!("/workitems/{}", added.text("id"));
    let session = format!("/sessions/{}", claims_of(&alice)["sid"].as_str().unwrap());
    for path in [&item, &session] {
        it.expects(&api.delete(path, &mallory).await, 204, "");
    }
    let theirs = api.get("/workitems", &mallory).await;
    assert_eq!(theirs.body, json!({ "workitems": [] }), "{it}");
    let own = api.get("/workitems", &alice).await;
    assert_eq!(own.body, json!({ "workitems": [added.body] }), "{it}");

    let it = case("a token of one process, presented to another", "fails with a random secret");
    let functions = api.stack.functions();
    for function in &functions {
        signal_to(*function, "KILL");
    }
    wait_for_end(&functions).await;
    it.expects(&api.get("/protected", &alice).await, 200, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_a_distinct_code() {
    let settings = with_known_key().variable("JWT_TOKEN_LOCATION", "headers,cookies");
    let (api, tokens) = Api::with_alice(settings).await;
    let browser = Browser::log_in(&api, "alice").await;
    let stale = Tokens::of(&api.refresh(&tokens.refresh).await).access;
    let revoked = api.tokens_of("alice").await.access;
    api.log_out(&revoked).await;

    let it = case("the error codes", "messages only");
    let change = browser.request(&api, Method::DELETE, "/sessions/none");
    for (code, answer) in [
        ("missing_token", api.open("/protected").await),
        ("invalid_token", api.get("/protected", "x.y.z").await),
        ("token_expired", api.get("/protected", &expired(&claims_of(&tokens.access), 1)).await),
        ("token_revoked", api.get("/protected", &revoked).await),
        ("wrong_token_type", api.get("/protected", &tokens.refresh).await),
        ("fresh_token_required", api.get("/protected/fresh", &stale).await),
        ("csrf_failed", api.ask(change).await),
    ] {
        it.expects(&answer, 401, code);
        assert_eq!(members(&answer.body), BTreeSet::from(["error", "msg", "request_id"]), "{it}");
    }
}
