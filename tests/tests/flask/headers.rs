//! The `Authorization` header.

use latchkey_tests::stack::Settings;
use reqwest::Method;
use serde_json::json;

use crate::api::{Api, SAME, case};

#[tokio::test(flavor = "multi_thread")]
async fn variants_of_the_authorization_header_are_accepted_or_refused() {
    let (api, tokens) = Api::with_alice(Settings::default()).await;
    let a = &tokens.access;

    let it = case("no header; an empty one; a comma", SAME);
    it.expects(&api.open("/protected").await, 401, "missing_token");
    for value in ["", ","] {
        it.expects(&api.authorization(value).await, 401, "missing_token");
    }

    let it = case("`Bearer` alone; `Bearer a b`", "422");
    for value in ["Bearer", "Bearer a b"] {
        it.expects(&api.authorization(value).await, 401, "invalid_token");
    }

    let it = case("`bearer A`; `BEARER A`", "401: the scheme is case-sensitive");
    for scheme in ["bearer", "BEARER"] {
        it.expects(&api.authorization(&format!("{scheme} {a}")).await, 200, "");
    }

    let it = case("two spaces; a tab; spaces around", "200");
    it.expects(&api.authorization(&format!("Bearer  {a}")).await, 200, "");
    it.expects(&api.authorization(&format!("Bearer\t{a}")).await, 401, "missing_token");
    // Spaces around a header value are not part of it (RFC 9110 §5.5).
    it.expects(&api.authorization(&format!(" Bearer {a} ")).await, 200, "");

    let it = case("`Basic x`; A; `BearerA`; `Bearer:A`; `JWT A`", "401, also for `JWT A`");
    for value in ["Basic x".to_owned(), a.clone(), format!("Bearer{a}"), format!("Bearer:{a}")] {
        it.expects(&api.authorization(&value).await, 401, "missing_token");
    }
    // The scheme of Flask-JWT.
    it.expects(&api.authorization(&format!("JWT {a}")).await, 200, "");

    let it =
        case("`Basic x, Bearer A`, and in the other order", "200: all list elements are searched");
    let other_scheme = api.authorization(&format!("Basic x, Bearer {a}")).await;
    it.expects(&other_scheme, 200, "");
    let other_after = api.authorization(&format!("Bearer {a}, Basic x")).await;
    it.expects(&other_after, 200, "");

    let it = case("one token in two Authorization headers; in two Bearer values", "422");
    let twice = api.request(Method::GET, "/protected").bearer_auth(a).bearer_auth(a);
    it.expects(&api.ask(twice).await, 200, "");
    let two_values = api.authorization(&format!("Bearer {a}, Bearer {a}")).await;
    it.expects(&two_values, 200, "");
    let two_tokens = api.authorization(&format!("Bearer {a}, Bearer x.y.z")).await;
    it.expects(&two_tokens, 400, "invalid_request");

    let it = case("`, ,Bearer A`", "500");
    it.expects(&api.authorization(&format!(", ,Bearer {a}")).await, 200, "");

    let it = case("`Bearer \"A\"`", "422");
    it.expects(&api.authorization(&format!("Bearer \"{a}\"")).await, 401, "invalid_token");

    let it = case("non-ASCII letters; spaces in the token; 9 KB; 64 KB", "422");
    let spaced = a.replacen('.', ". ", 1);
    for token in ["tökén", &spaced, &"a".repeat(9_000)] {
        it.expects(&api.authorization(&format!("Bearer {token}")).await, 401, "invalid_token");
    }
    // The gateway's limit for headers is 10 KB.
    let long = api.authorization(&format!("Bearer {}", "a".repeat(64_000))).await;
    it.expects(&long, 431, "Request Header Fields Too Large");

    let it = case("a token in query, cookie or body, which are disabled", SAME);
    it.expects(&api.open(&format!("/protected?jwt={a}")).await, 401, "missing_token");
    let cookies = format!("access_token_cookie={a}; __Host-access_token={a}");
    let cookie = api.request(Method::GET, "/protected").header("cookie", cookies);
    it.expects(&api.ask(cookie).await, 401, "missing_token");
    let body = api.request(Method::DELETE, "/sessions/none").json(&json!({ "access_token": a }));
    it.expects(&api.ask(body).await, 401, "missing_token");
}
