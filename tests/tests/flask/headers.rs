//! The `Authorization` header.

use latchkey_tests::stack::Settings;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, SAME, case};

#[tokio::test(flavor = "multi_thread")]
async fn the_authorization_header_has_a_scheme_spaces_and_a_token() {
    let (api, tokens) = Api::with_alice(Settings::default()).await;
    let a = &tokens.access;

    let it = case("no header; an empty one; a comma", SAME);
    it.gets(&api.open("/protected").await, 401, "missing_token");
    for value in ["", ","] {
        it.gets(&api.authorization(value).await, 401, "missing_token");
    }

    let it = case("`Bearer` alone; `Bearer a b`", "422");
    for value in ["Bearer", "Bearer a b"] {
        it.gets(&api.authorization(value).await, 401, "invalid_token");
    }

    let it = case("`bearer A`; `BEARER A`", "401: it compares letter by letter");
    for scheme in ["bearer", "BEARER"] {
        it.gets(&api.authorization(&format!("{scheme} {a}")).await, 200, "");
    }

    let it = case("two spaces; a tab; spaces around", "200");
    it.gets(&api.authorization(&format!("Bearer  {a}")).await, 200, "");
    it.gets(&api.authorization(&format!("Bearer\t{a}")).await, 401, "missing_token");
    // Those around a value are not part of it (RFC 9110 §5.5).
    it.gets(&api.authorization(&format!(" Bearer {a} ")).await, 200, "");

    let it = case("`Basic x`; A; `BearerA`; `Bearer:A`; `JWT A`", "401, also for `JWT A`");
    for value in ["Basic x".to_owned(), a.clone(), format!("Bearer{a}"), format!("Bearer:{a}")] {
        it.gets(&api.authorization(&value).await, 401, "missing_token");
    }
    // What clients of Flask-JWT send.
    it.gets(&api.authorization(&format!("JWT {a}")).await, 200, "");

    let it = case("`Basic x, Bearer A`, and in the other order", "200: it searches the list");
    let other_scheme = api.authorization(&format!("Basic x, Bearer {a}")).await;
    it.gets(&other_scheme, 200, "");
    let other_behind = api.authorization(&format!("Bearer {a}, Basic x")).await;
    it.gets(&other_behind, 200, "");

    let it = case("one token in two Authorization headers; in two Bearer values", "422");
    let twice = api.request(Method::GET, "/protected").bearer_auth(a).bearer_auth(a);
    it.gets(&api.ask(twice).await, 200, "");
    let two_values = api.authorization(&format!("Bearer {a}, Bearer {a}")).await;
    it.gets(&two_values, 200, "");
    let two_tokens = api.authorization(&format!("Bearer {a}, Bearer x.y.z")).await;
    it.gets(&two_tokens, 400, "invalid_request");

    let it = case("`, ,Bearer A`", "500");
    it.gets(&api.authorization(&format!(", ,Bearer {a}")).await, 200, "");

    let it = case("`Bearer \"A\"`", "422");
    it.gets(&api.authorization(&format!("Bearer \"{a}\"")).await, 401, "invalid_token");

    let it = case("letters outside ASCII; spaces in the token; 9 KB; 64 KB", "422");
    let spaced = a.replacen('.', ". ", 1);
    for token in ["tökén", &spaced, &"a".repeat(9_000)] {
        it.gets(&api.authorization(&format!("Bearer {token}")).await, 401, "invalid_token");
    }
    // The gateway takes 10 KB of headers.
    let long = api.authorization(&format!("Bearer {}", "a".repeat(64_000))).await;
    it.gets(&long, 431, "Request Header Fields Too Large");

    let it = case("a token in query, cookie or body, which are off", SAME);
    it.gets(&api.open(&format!("/protected?jwt={a}")).await, 401, "missing_token");
    let cookies = format!("access_token_cookie={a}; __Host-access_token={a}");
    let cookie = api.request(Method::GET, "/protected").header("cookie", cookies);
    it.gets(&api.ask(cookie).await, 401, "missing_token");
    let body = api.request(Method::DELETE, "/sessions/none").json(&json!({ "access_token": a }));
    it.gets(&api.ask(body).await, 401, "missing_token");
}
