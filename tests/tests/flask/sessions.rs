//! Refresh, logout and revocation.

use std::sync::Arc;

use latchkey_testkit::proxy::Fault;
use latchkey_tests::stack::{PASSWORD, Settings, Tokens, claims_of};
use reqwest::Method;
use serde_json::json;

use crate::api::{
    Api, NEW_PASSWORD, SAME, UP_TO_THE_APPLICATION, UsersTable, case, credentials, expired,
    wait_for_expiry, with_known_key,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_its_replay_ends_the_session() {
    let table = UsersTable::start().await;
    let settings = with_known_key().option("--dynamodb-endpoint", &table.endpoint);
    let (api, first) = Api::with_alice(settings.clone()).await;
    let api = Arc::new(api);

    let it = case("a refresh", "200 without a new refresh token");
    let answer = api.refresh(&first.refresh).await;
    it.expects(&answer, 200, "");
    assert_eq!(answer.header("cache-control"), "no-store", "{it}");
    let second = Tokens::of(&answer);
    for (old, new) in [(&first.access, &second.access), (&first.refresh, &second.refresh)] {
        let (old, new) = (claims_of(old), claims_of(new));
        assert_ne!(old["jti"], new["jti"], "{it}");
        assert_eq!((&old["sub"], &old["sid"]), (&new["sub"], &new["sid"]), "{it}");
    }

    let it = case("a used refresh token", "200: it works until it expires");
    let strict = Api::start(settings.variable("REFRESH_GRACE", "0"));
    let stolen = strict.tokens_of("alice").await;
    let newest = Tokens::of(&strict.refresh(&stolen.refresh).await);
    it.expects(&strict.refresh(&stolen.refresh).await, 401, "refresh_token_reused");
    it.expects(&strict.refresh(&newest.refresh).await, 401, "token_revoked");
    it.expects(&strict.get("/protected", &newest.access).await, 401, "token_revoked");
    it.expects(&strict.get("/protected", &second.access).await, 200, "");

    let it = case("the claims of a refreshed access token", "those of a loader");
    table.change("alice", |user| user.roles = vec!["editor".to_owned()]).await;
    let third = Tokens::of(&api.refresh(&second.refresh).await);
    let (old, new) = (claims_of(&first.access), claims_of(&third.access));
    assert_eq!((&old["fresh"], &new["fresh"]), (&json!(true), &json!(false)), "{it}");
    assert_eq!(new["roles"], json!(["editor"]), "{it}: read from the table");
    assert_eq!(new["auth_time"], old["auth_time"], "{it}: unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_revokes_both_tokens_of_one_session() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;

    let it = case("an access token after its logout", UP_TO_THE_APPLICATION);
    let answer = api.log_out(&tokens.access).await;
    it.expects(&answer, 200, "");
    assert_eq!(answer.text("msg"), "Logged out", "{it}");
    it.expects(&api.get("/protected", &tokens.access).await, 401, "token_revoked");

    let it = case("the refresh token after that logout", "200 unless it is revoked as well");
    it.expects(&api.refresh(&tokens.refresh).await, 401, "token_revoked");

    let it = case("logout twice; with an expired token; with a refresh token", "varies");
    it.expects(&api.log_out(&tokens.access).await, 200, "");
    it.expects(&api.log_out(&tokens.refresh).await, 200, "");
    let other = api.tokens_of("alice").await;
    let expired = api.log_out(&expired(&claims_of(&other.access), 1)).await;
    it.expects(&expired, 401, "token_expired");
    it.expects(&api.log_out(&other.refresh).await, 200, "");
    it.expects(&api.get("/protected", &other.access).await, 401, "token_revoked");

    let it = case("another session of the same user", UP_TO_THE_APPLICATION);
    let (here, there) = (api.tokens_of("alice").await, api.tokens_of("alice").await);
    it.expects(&api.log_out(&there.access).await, 200, "");
    it.expects(&api.get("/protected", &here.access).await, 200, "");

    // A password change replaces all sessions by a new one, which `DELETE /sessions` ends too.
    let it = case("a new password; logout everywhere", UP_TO_THE_APPLICATION);
    let there = api.tokens_of("alice").await;
    let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let change = api.request(Method::POST, "/password").bearer_auth(&here.access).json(&body);
    let changed = Tokens::of(&api.ask(change).await);
    for tokens in [&here, &there] {
        it.expects(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
        it.expects(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
    }
    it.expects(&api.log_in("alice").await, 401, "invalid_credentials");
    let login = api.post("/login", &credentials("alice", NEW_PASSWORD)).await;
    let there = Tokens::of(&login);
    it.expects(&api.delete("/sessions", &changed.access).await, 204, "");
    for tokens in [&changed, &there] {
        it.expects(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
        it.expects(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
    }
    it.expects(&api.post("/login", &credentials("alice", NEW_PASSWORD)).await, 200, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_stays_revoked_when_its_access_token_has_expired() {
    let settings = Settings::default().variable("JWT_ACCESS_TOKEN_EXPIRES", "2");
    let (api, tokens) = Api::with_alice(settings).await;

    let it =
        case("a revoked refresh token after the access token has expired", "200 as documented");
    it.expects(&api.log_out(&tokens.refresh).await, 200, "");
    wait_for_expiry(&tokens.access).await;
    it.expects(&api.refresh(&tokens.refresh).await, 401, "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_works_at_once_and_no_token_is_accepted_in_an_outage() {
    let (stack, proxy) = Settings::default().start_behind_proxy().await;
    let api = Api { stack };
    let tokens = api.sign_up_and_log_in("alice").await;

    let it = case("a revoked token on an optional route", SAME);
    let revoked = api.tokens_of("alice").await;
    api.log_out(&revoked.access).await;
    let answer = api.get("/protected/optional", &revoked.access).await;
    it.expects(&answer, 401, "token_revoked");

    let it = case("the store is down", "500 in HTML");
    for (operation, method, path, token) in [
        ("GetItem", Method::GET, "/protected", &tokens.access),
        ("UpdateItem", Method::POST, "/refresh", &tokens.refresh),
    ] {
        proxy.inject(operation, Fault::Error("ThrottlingException"), 10);
        let answer = api.ask_broken(api.request(method, path).bearer_auth(token)).await;
        it.expects(&answer, 503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1", "{it}");
        proxy.heal();
    }

    let it = case("the next request after a logout", UP_TO_THE_APPLICATION);
    for path in ["/protected", "/workitems"] {
        it.expects(&api.get(path, &tokens.access).await, 200, "");
    }
    api.log_out(&tokens.access).await;
    it.expects(&api.get("/protected", &tokens.access).await, 401, "token_revoked");
    // Behind the authorizer the gateway words the refusal.
    it.expects(&api.get("/workitems", &tokens.access).await, 403, "Forbidden");
}
