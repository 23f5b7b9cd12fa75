//! Claims, lifetimes and keys of tokens.

use std::collections::BTreeSet;

use latchkey_session::AccountStatus;
use latchkey_testkit::{
    dynamodb,
    fixtures::{ISSUER, JWK_SET},
    forge::{refresh_header, sign},
};
use latchkey_tests::stack::{PASSWORD, Settings, Tokens, claims_of};
use latchkey_token::{Algorithm, SigningKey};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::api::{
    Api, SAME, UsersTable, case, credentials, members, wait_for_expiry, with_changes,
    with_known_key,
};

#[tokio::test(flavor = "multi_thread")]
async fn replacing_a_static_key_ends_no_session() {
    let table = dynamodb().await;
    let key_of = |set: &str| -> Value {
        let set: Value = serde_json::from_str(set).unwrap();
        set["keys"][0].clone()
    };
    let generated = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap();
    let (old, new) = (key_of(JWK_SET), key_of(generated.expose_secret()));
    let with_keys = |keys: &Value| {
        let settings = Settings::default()
            .variable("SIGNING_KEYS", &json!({ "keys": keys }).to_string())
            .variable("JWT_ISSUER", ISSUER)
            .option("--dynamodb-endpoint", &table);
        Api::start(settings)
    };

    let it = case("the tokens of a replaced key", "only one key is supported");
    let before = with_keys(&json!([old])).sign_up_and_log_in("alice").await;
    let overlap = with_keys(&json!([new, old]));
    it.expects(&overlap.get("/protected", &before.access).await, 200, "");
    let next = Tokens::of(&overlap.refresh(&before.refresh).await);
    let after = with_keys(&json!([new]));
    it.refuses(&after, &before.access).await;
    it.expects(&after.get("/protected", &next.access).await, 200, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_have_the_announced_lifetimes() {
    let api = Api::start(with_known_key());
    api.sign_up("alice").await;
    let answer = api.log_in("alice").await;
    let tokens = Tokens::of(&answer);

    let it = case("the lifetimes", SAME);
    for (token, member, seconds) in
        [(&tokens.access, "expires_in", 900), (&tokens.refresh, "refresh_expires_in", 2_592_000)]
    {
        let moment = |claim: &str| claims_of(token)[claim].as_u64().unwrap();
        assert_eq!(moment("exp") - moment("iat"), seconds, "{it}");
        assert_eq!(answer.body[member], seconds, "{it}");
    }

    let it = case("a token before and after its end", SAME);
    let settings = Settings::default().variable("JWT_ACCESS_TOKEN_EXPIRES", "3");
    let (brief, _) = Api::with_alice(settings).await;
    // Starts the function before the token is issued.
    brief.open("/protected").await;
    let token = brief.tokens_of("alice").await.access;
    it.expects(&brief.get("/protected", &token).await, 200, "");
    wait_for_expiry(&token).await;
    it.expects(&brief.get("/protected", &token).await, 401, "token_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_deleted_and_disabled_users_are_revoked() {
    let table = UsersTable::start().await;
    let settings = with_known_key().option("--dynamodb-endpoint", &table.endpoint);
    let (api, tokens) = Api::with_alice(settings).await;

    let it = case("a user who is deleted; disabled", "401 with the subject in it");
    let body = json!({ "password": PASSWORD });
    let delete = api.request(Method::DELETE, "/me").bearer_auth(&tokens.access).json(&body);
    it.expects(&api.ask(delete).await, 204, "");
    let disabled = api.sign_up_and_log_in("bob").await;
    table.change("bob", |user| user.status = AccountStatus::Disabled).await;
    for token in [&tokens.access, &disabled.access] {
        let answer = api.get("/protected", token).await;
        it.expects(&answer, 401, "token_revoked");
        let subject = claims_of(token)["sub"].as_str().unwrap().to_owned();
        assert!(!answer.body.to_string().contains(&subject), "{it}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_have_exactly_the_expected_claims() {
    let api = Api::start(with_known_key());
    let account =
        with_changes(&credentials("alice", PASSWORD), json!({ "email": "alice@example.com" }));
    assert_eq!(api.post("/signup", &account).await.status, 201);
    let first = api.tokens_of("alice").await;

    // `sub` is not the name, so that names can change. `csrf` needs cookies.
    let it = case("the claims of tokens", "fresh iat jti type sub nbf csrf exp");
    let expected = "iss aud sub username sid jti iat nbf exp auth_time type fresh";
    let mut expected: BTreeSet<_> = expected.split(' ').collect();
    assert_eq!(members(&claims_of(&first.access)), expected, "{it}");
    expected.insert("gen");
    assert_eq!(members(&claims_of(&first.refresh)), expected, "{it}");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_types_and_freshness_are_enforced() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;

    let it = case("a refresh token on /me; an access token on /refresh", "422");
    let refresh_token = api.get("/me", &tokens.refresh).await;
    it.expects(&refresh_token, 401, "wrong_token_type");
    assert_eq!(refresh_token.text("msg"), "Only non-refresh tokens are allowed", "{it}");
    let access_token = api.refresh(&tokens.access).await;
    it.expects(&access_token, 401, "wrong_token_type");
    assert_eq!(access_token.text("msg"), "Only refresh tokens are allowed", "{it}");

    let it = case("a fresh route: after login; after a refresh", SAME);
    it.expects(&api.get("/protected/fresh", &tokens.access).await, 200, "");
    let next = Tokens::of(&api.refresh(&tokens.refresh).await);
    let answer = api.get("/protected/fresh", &next.access).await;
    it.expects(&answer, 401, "fresh_token_required");
    assert_eq!(answer.text("msg"), "Fresh token required", "{it}");

    let it = case("a refresh token with a `fresh` claim", "422");
    let claims = with_changes(&claims_of(&tokens.refresh), json!({ "fresh": true }));
    let answer = api.get("/protected/fresh", &sign(&refresh_header(), &claims)).await;
    it.expects(&answer, 401, "wrong_token_type");
}
