//! What tokens say, how long they live, and who signed them.

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

use crate::api::{Api, SAME, Table, but, case, credentials, end_of, members, with_known_key};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_without_ending_a_session() {
    let table = dynamodb().await;
    let key_of = |set: &str| -> Value {
        let set: Value = serde_json::from_str(set).unwrap();
        set["keys"][0].clone()
    };
    let made = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap();
    let (old, new) = (key_of(JWK_SET), key_of(made.expose_secret()));
    let with_keys = |keys: &Value| {
        let settings = Settings::default()
            .variable("SIGNING_KEYS", &json!({ "keys": keys }).to_string())
            .variable("JWT_ISSUER", ISSUER)
            .option("--dynamodb-endpoint", &table);
        Api::start(settings)
    };

    let it = case("the tokens of a key that is being replaced", "there is one key only");
    let before = with_keys(&json!([old])).tokens_of_new("alice").await;
    let overlap = with_keys(&json!([new, old]));
    it.gets(&overlap.get("/protected", &before.access).await, 200, "");
    let next = Tokens::of(&overlap.refresh(&before.refresh).await);
    let after = with_keys(&json!([new]));
    it.refuses(&after, &before.access).await;
    it.gets(&after.get("/protected", &next.access).await, 200, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_live_as_long_as_is_said() {
    let api = Api::start(with_known_key());
    api.sign_up("alice").await;
    let answer = api.log_in("alice").await;
    let tokens = Tokens::of(&answer);

    let it = case("the lifetimes", SAME);
    for (token, told, seconds) in
        [(&tokens.access, "expires_in", 900), (&tokens.refresh, "refresh_expires_in", 2_592_000)]
    {
        let moment = |claim: &str| claims_of(token)[claim].as_u64().unwrap();
        assert_eq!(moment("exp") - moment("iat"), seconds, "{it}");
        assert_eq!(answer.body[told], seconds, "{it}");
    }

    let it = case("a token before and after its end", SAME);
    let settings = Settings::default().variable("JWT_ACCESS_TOKEN_EXPIRES", "3");
    let (brief, _) = Api::with_alice(settings).await;
    // The function has started when the token is made.
    brief.open("/protected").await;
    let token = brief.tokens_of("alice").await.access;
    it.gets(&brief.get("/protected", &token).await, 200, "");
    end_of(&token).await;
    it.gets(&brief.get("/protected", &token).await, 401, "token_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_a_user_who_is_there() {
    let table = Table::start().await;
    let settings = with_known_key().option("--dynamodb-endpoint", &table.endpoint);
    let (api, tokens) = Api::with_alice(settings).await;

    let it = case("a user who is deleted; disabled", "401 with the subject in it");
    let body = json!({ "password": PASSWORD });
    let delete = api.request(Method::DELETE, "/me").bearer_auth(&tokens.access).json(&body);
    it.gets(&api.ask(delete).await, 204, "");
    let disabled = api.tokens_of_new("bob").await;
    table.change("bob", |user| user.status = AccountStatus::Disabled).await;
    for token in [&tokens.access, &disabled.access] {
        let answer = api.get("/protected", token).await;
        it.gets(&answer, 401, "token_revoked");
        let subject = claims_of(token)["sub"].as_str().unwrap().to_owned();
        assert!(!answer.body.to_string().contains(&subject), "{it}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_differ_are_complete_and_say_no_more_than_they_must() {
    let api = Api::start(with_known_key());
    let account = but(&credentials("alice", PASSWORD), json!({ "email": "alice@example.com" }));
    assert_eq!(api.post("/signup", &account).await.status, 201);
    let first = api.tokens_of("alice").await;

    // `sub` is no name, so that a name can change. No `csrf` without cookies.
    let it = case("what tokens say", "fresh iat jti type sub nbf csrf exp");
    let said = "iss aud sub username sid jti iat nbf exp auth_time type fresh";
    let mut said: BTreeSet<_> = said.split(' ').collect();
    assert_eq!(members(&claims_of(&first.access)), said, "{it}");
    said.insert("gen");
    assert_eq!(members(&claims_of(&first.refresh)), said, "{it}");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_not_mixed_and_freshness_is_yes_or_no() {
    let (api, tokens) = Api::with_alice(with_known_key()).await;

    let it = case("a refresh token on /me; an access token on /refresh", "422");
    let refresh_token = api.get("/me", &tokens.refresh).await;
    it.gets(&refresh_token, 401, "wrong_token_type");
    assert_eq!(refresh_token.text("msg"), "Only non-refresh tokens are allowed", "{it}");
    let access_token = api.refresh(&tokens.access).await;
    it.gets(&access_token, 401, "wrong_token_type");
    assert_eq!(access_token.text("msg"), "Only refresh tokens are allowed", "{it}");

    let it = case("a fresh route: after login; after a refresh", SAME);
    it.gets(&api.get("/protected/fresh", &tokens.access).await, 200, "");
    let next = Tokens::of(&api.refresh(&tokens.refresh).await);
    let answer = api.get("/protected/fresh", &next.access).await;
    it.gets(&answer, 401, "fresh_token_required");
    assert_eq!(answer.text("msg"), "Fresh token required", "{it}");

    let it = case("a refresh token that calls itself fresh", "422");
    let claims = but(&claims_of(&tokens.refresh), json!({ "fresh": true }));
    let answer = api.get("/protected/fresh", &sign(&refresh_header(), &claims)).await;
    it.gets(&answer, 401, "wrong_token_type");
}
