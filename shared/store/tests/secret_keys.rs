//! Keys in Secrets Manager: a private JWK set, and the keys of a Flask service.
#![cfg(test)]

use std::time::Duration;

use latchkey_keys::KeyCache;
use latchkey_store::{KeyLocation, KeySource, RingSigning, RingVerifying};
use latchkey_testkit::{
    cloud::Cloud,
    fixtures::{JWK_SET, KID, NOW, token_profile},
    flask::{extended_claims, header},
    forge::{base64url, sign_with_hmac},
    proxy::Fault,
};
use latchkey_token::{
    AccessClaims, Algorithm, KeySet, PresentedToken, SigningKey, Timestamp, TokenError, Verifier,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

const KEYS: &str = "Keys";
const FLASK: &str = "Flask";
const FLASK_SECRET: &[u8] = b"secretsecretsecretsecretsecretsecret";
const MAX_AGE: Duration = Duration::from_mins(2);

fn flask_set() -> SecretString {
    let k = base64url(FLASK_SECRET);
    let key = json!({ "kty": "oct", "kid": "old", "alg": "HS256", "k": k, "minted_by": "flask" });
    SecretString::from(json!({ "keys": [key] }).to_string())
}

/// An emulated account with our secret, and the secret of the Flask service if it is given.
async fn cloud(flask: Option<SecretString>) -> Cloud {
    let cloud = Cloud::start().await;
    put(&cloud, KEYS, JWK_SET);
    if let Some(flask) = flask {
        cloud.account.secrets.put(FLASK, flask);
    }
    cloud
}

fn put(cloud: &Cloud, secret: &str, text: &str) {
    cloud.account.secrets.put(secret, SecretString::from(text));
}

async fn signing(cloud: &Cloud) -> KeyCache {
    source::<RingSigning>().connect(&cloud.aws, NOW).await
}

async fn verifying(cloud: &Cloud) -> KeyCache {
    source::<RingVerifying>().connect(&cloud.aws, NOW).await
}

fn source<A>() -> KeySource<A> {
    KeySource {
        location: KeyLocation::Secret { arn: KEYS.to_owned(), algorithm: None },
        flask_secret: Some(FLASK.to_owned()),
        max_age: MAX_AGE,
    }
}

fn later(number: u32) -> Timestamp {
    NOW + MAX_AGE * number
}

async fn signing_kid(keys: &KeyCache, now: Timestamp) -> String {
    keys.get(now).await.unwrap().signing().unwrap().public().kid().to_owned()
}

/// Verifies a token of the Flask service.
fn verify_flask_token(keys: &KeySet) -> Result<AccessClaims, TokenError> {
    let text = sign_with_hmac(&header(), &extended_claims(), FLASK_SECRET);
    let profile = token_profile();
    Verifier::new(keys, &profile).access(PresentedToken::parse(&text).unwrap(), NOW)
}

fn has_flask_keys(keys: &KeySet) -> bool {
    verify_flask_token(keys).is_ok()
}

fn new_set() -> (String, String) {
    let set = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap().expose_secret().to_owned();
    let parsed: Value = serde_json::from_str(&set).unwrap();
    (parsed["keys"][0]["kid"].as_str().unwrap().to_owned(), set)
}

#[tokio::test]
async fn a_secret_is_read_again_at_the_maximum_age_and_its_new_key_signs() {
    let cloud = cloud(Some(flask_set())).await;
    let keys = signing(&cloud).await;
    assert_eq!(signing_kid(&keys, NOW).await, KID);
    let (kid, set) = new_set();
    put(&cloud, KEYS, &set);
    assert_eq!(signing_kid(&keys, NOW).await, KID, "before the maximum age");
    assert_eq!(signing_kid(&keys, later(1)).await, kid);
}

#[tokio::test]
async fn an_invalid_secret_is_an_error_that_does_not_quote_it() {
    let cloud = cloud(Some(flask_set())).await;
    let keys = signing(&cloud).await;
    for (round, invalid) in [(1, "hunter2"), (3, "{\"keys\":[]}"), (5, "{\"keys\":[{}]}")] {
        put(&cloud, KEYS, invalid);
        for second in 0..2 {
            let refused = keys.get(later(round) + Duration::from_secs(second)).await.unwrap_err();
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
        put(&cloud, KEYS, JWK_SET);
        assert_eq!(signing_kid(&keys, later(round + 1)).await, KID);
    }
}

#[tokio::test]
async fn signing_continues_while_secrets_manager_is_unavailable() {
    let cloud = cloud(Some(flask_set())).await;
    let keys = signing(&cloud).await;
    cloud.proxy.inject("GetSecretValue", Fault::Error("InternalServerError"), usize::MAX);
    for round in [1, 2, 10] {
        assert_eq!(signing_kid(&keys, later(round)).await, KID);
    }
}

#[tokio::test]
async fn flask_keys_are_read_and_removed_at_the_maximum_age() {
    let cloud = cloud(Some(flask_set())).await;
    let keys = verifying(&cloud).await;
    assert!(has_flask_keys(&keys.get(NOW).await.unwrap()));
    put(&cloud, FLASK, "{\"keys\":[]}");
    assert!(!has_flask_keys(&keys.get(later(1)).await.unwrap()));
}

#[tokio::test]
async fn flask_keys_that_could_not_be_read_are_fetched_by_a_later_search() {
    let cloud = cloud(None).await;
    let keys = verifying(&cloud).await;
    let known = keys.get(NOW).await.unwrap();
    assert!(known.find(KID).is_some(), "our keys are present");
    assert_eq!(verify_flask_token(&known), Err(TokenError::LegacyKeysUnread));
    assert!(keys.get_newer(&known, NOW).await.unwrap().is_none(), "no newer keys");

    cloud.account.secrets.put(FLASK, flask_set());
    let newer = keys.get_newer(&known, NOW + Duration::from_secs(30)).await.unwrap().unwrap();
    assert!(has_flask_keys(&newer), "a search fetches them");
}

#[tokio::test]
async fn our_own_keys_do_not_depend_on_flask_keys() {
    let cloud = cloud(Some(flask_set())).await;
    let warm = verifying(&cloud).await;
    let (kid, set) = new_set();
    put(&cloud, KEYS, &set);
    for invalid in ["nonsense", &set] {
        put(&cloud, FLASK, invalid);
        let cold = verifying(&cloud).await;
        for keys in [warm.get(later(1)).await.unwrap(), cold.get(NOW).await.unwrap()] {
            assert!(keys.find(&kid).is_some());
            assert!(!has_flask_keys(&keys));
        }
    }
}
