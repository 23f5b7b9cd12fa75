//! Refresh, logout and revocation.

use std::sync::Arc;

use latchkey_testkit::proxy::Fault;
use latchkey_tests::stack::{PASSWORD, Settings, Tokens, claims_of};
use reqwest::Method;
use serde_json::json;

use crate::api::{
    Api, NEW_PASSWORD, SAME, Table, UP_TO_THE_APPLICATION, case, credentials, end_of, ended,
    with_known_key,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_used_once_and_its_second_use_ends_the_session() {
    let table = Table::start().await;
    let settings = with_known_key().option("--dynamodb-endpoint", &table.endpoint);
    let (api, first) = Api::with_alice(settings.clone()).await;
    let api = Arc::new(api);

    let it = case("a refresh", "200 without a new refresh token");
    let answer = api.refresh(&first.refresh).await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.header("cache-control"), "no-store", "{it}");
    let second = Tokens::of(&answer);
    for (old, new) in [(&first.access, &second.access), (&first.refresh, &second.refresh)] {
        let (old, new) = (claims_of(old), claims_of(new));
        assert_ne!(old["jti"], new["jti"], "{it}");
        assert_eq!((&old["sub"], &old["sid"]), (&new["sub"], &new["sid"]), "{it}");
    }

    let it = case("a refresh token that was used before", "200: it is never used up");
    let strict = Api::start(settings.variable("REFRESH_GRACE", "0"));
    let stolen = strict.tokens_of("alice").await;
    let newest = Tokens::of(&strict.refresh(&stolen.refresh).await);
    it.gets(&strict.refresh(&stolen.refresh).await, 401, "refresh_token_reused");
    it.gets(&strict.refresh(&newest.refresh).await, 401, "token_revoked");
    it.gets(&strict.get("/protected", &newest.access).await, 401, "token_revoked");
    it.gets(&strict.get("/protected", &second.access).await, 200, "");

    let it = case("what a refreshed access token says", "what a loader returns again");
    table.change("alice", |user| user.roles = vec!["editor".to_owned()]).await;
    let third = Tokens::of(&api.refresh(&second.refresh).await);
    let (old, new) = (claims_of(&first.access), claims_of(&third.access));
    assert_eq!((&old["fresh"], &new["fresh"]), (&json!(true), &json!(false)), "{it}");
    assert_eq!(new["roles"], json!(["editor"]), "{it}: read again");
    assert_eq!(new["auth_time"], old["auth_time"], "{it}: kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_ends_one_session_with_both_its_tokens() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;

    let it = case("an access token after its logout", UP_TO_THE_APPLICATION);
    let answer = api.log_out(&tokens.access).await;
    it.gets(&answer, 200, "");
    assert_eq!(answer.text("msg"), "Logged out", "{it}");
    it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");

    let it = case("the refresh token after that logout", "200 unless it is revoked as well");
    it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");

    let it = case("logout twice; with an expired token; with a refresh token", "varies");
    it.gets(&api.log_out(&tokens.access).await, 200, "");
    it.gets(&api.log_out(&tokens.refresh).await, 200, "");
    let other = api.tokens_of("alice").await;
    let expired = api.log_out(&ended(&claims_of(&other.access), 1)).await;
    it.gets(&expired, 401, "token_expired");
    it.gets(&api.log_out(&other.refresh).await, 200, "");
    it.gets(&api.get("/protected", &other.access).await, 401, "token_revoked");

    let it = case("another session of the same user", UP_TO_THE_APPLICATION);
    let (here, there) = (api.tokens_of("alice").await, api.tokens_of("alice").await);
    it.gets(&api.log_out(&there.access).await, 200, "");
    it.gets(&api.get("/protected", &here.access).await, 200, "");

    // A new session takes the place of all; `DELETE /sessions` ends that too.
    let it = case("a new password; logout everywhere", UP_TO_THE_APPLICATION);
    let there = api.tokens_of("alice").await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let change = api.request(Method::POST, "/password").bearer_auth(&here.access).json(&body);
    let changed = Tokens::of(&api.ask(change).await);
    for tokens in [&here, &there] {
        it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
        it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
    }
    it.gets(&api.log_in("alice").await, 401, "invalid_credentials");
    let login = api.post("/login", &credentials("alice", NEW_PASSWORD)).await;
    let there = Tokens::of(&login);
    it.gets(&api.delete("/sessions", &changed.access).await, 204, "");
    for tokens in [&changed, &there] {
        it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
        it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
    }
    it.gets(&api.post("/login", &credentials("alice", NEW_PASSWORD)).await, 200, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_stays_revoked_when_its_access_token_has_expired() {
    let settings = Settings::default().variable("JWT_ACCESS_TOKEN_EXPIRES", "2");
    let (api, tokens) = Api::with_alice(settings).await;

    let it = case("a revoked refresh token, an access token's life later", "200 as documented");
    it.gets(&api.log_out(&tokens.refresh).await, 200, "");
    end_of(&tokens.access).await;
    it.gets(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_seen_at_once_and_no_token_passes_during_an_outage() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    let api = Api { stack };
    let tokens = api.tokens_of_new("alice").await;

    let it = case("a revoked token on an optional route", SAME);
    let revoked = api.tokens_of("alice").await;
    api.log_out(&revoked.access).await;
    let answer = api.get("/protected/optional", &revoked.access).await;
    it.gets(&answer, 401, "token_revoked");

    let it = case("the store is down", "500 in HTML");
    for (operation, method, path, token) in [
        ("GetItem", Method::GET, "/protected", &tokens.access),
        ("UpdateItem", Method::POST, "/refresh", &tokens.refresh),
    ] {
        proxy.inject(operation, Fault::Error("ThrottlingException"), 10);
        let answer = api.ask_broken(api.request(method, path).bearer_auth(token)).await;
        it.gets(&answer, 503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1", "{it}");
        proxy.heal();
    }

    let it = case("the next request after a logout", UP_TO_THE_APPLICATION);
    for path in ["/protected", "/workitems"] {
        it.gets(&api.get(path, &tokens.access).await, 200, "");
    }
    api.log_out(&tokens.access).await;
    it.gets(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
    // Behind the authorizer, where the gateway words the refusal.
    it.gets(&api.get("/workitems", &tokens.access).await, 403, "Forbidden");
}
