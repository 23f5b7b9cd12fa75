//! Keys in Secrets Manager: a ring that signs, and a Flask service's beside it.
#![cfg(test)]

use std::time::Duration;

use auth_store::{
    Aws, KeptKeys, KeyLocation, KeySource, PutRing as _, RingStage, SecretRings, StoreError,
    TrustedKeys,
};
use auth_testkit::{
    account,
    flask::{extended_claims, sign},
    subject::{JWK_SET, KID, NOW},
};
use auth_token::{Algorithm, KeyRing, PresentedToken, SigningKey, Timestamp, TokenError};
use local::{secrets::Secrets, template::Secret};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const RING: &str = "Ring";
const FLASK: &str = "Flask";
const MAX_AGE: Duration = Duration::from_mins(2);

fn flask_set() -> SecretString {
    let k = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
    let key = json!({ "kty": "oct", "kid": "old", "alg": "HS256", "k": k, "minted_by": "flask" });
    SecretString::from(json!({ "keys": [key] }).to_string())
}

/// An account with both secrets.
struct Scene {
    aws: Aws,
    server: JoinHandle<()>,
    puts: std::sync::atomic::AtomicUsize,
}

impl Scene {
    async fn new() -> Self {
        Self::with_flask(Some(flask_set())).await
    }

    /// One in which the Flask service's secret may have no value yet.
    async fn with_flask(initial: Option<SecretString>) -> Self {
        let secret = |initial| Secret { initial, rotated_by: None };
        let declared = [
            (RING.to_owned(), secret(Some(SecretString::from(JWK_SET)))),
            (FLASK.to_owned(), secret(initial)),
        ];
        let secrets = Secrets::memory(&declared.into()).unwrap();
        let (_, aws, server) = account(secrets).await;
        Self { aws, server, puts: 0.into() }
    }

    async fn put(&self, secret: &str, text: &str) {
        let number = self.puts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (version, text) = (format!("version-{number:032}"), SecretString::from(text));
        let rings = SecretRings::connect(&self.aws, secret.to_owned()).await;
        rings.put_ring(&version, RingStage::Current, &text).await.unwrap();
    }

    async fn signing(&self) -> KeptKeys<String> {
        let kid = |ring: KeyRing, _| ring.public_jwk_set().keys.remove(0).kid;
        source().keep_signing(&self.aws, NOW, kid).await.unwrap()
    }

    async fn trusted(&self) -> KeptKeys<TrustedKeys> {
        source().keep_trusted(&self.aws, NOW, |keys| keys).await.unwrap()
    }
}

fn source() -> KeySource {
    KeySource {
        location: KeyLocation::Secret { arn: RING.to_owned() },
        algorithm: None,
        flask_secret: Some(FLASK.to_owned()),
        max_age: MAX_AGE,
    }
}

fn later(number: u32) -> Timestamp {
    NOW + MAX_AGE * number
}

fn has_flask_keys(keys: &TrustedKeys) -> bool {
    format!("{:?}", keys.flask).contains("old")
}

fn new_set() -> (String, String) {
    let set = SigningKey::generate_jwk_set(Algorithm::Es256).unwrap().expose_secret().to_owned();
    let parsed: Value = serde_json::from_str(&set).unwrap();
    (parsed["keys"][0]["kid"].as_str().unwrap().to_owned(), set)
}

#[tokio::test]
async fn a_ring_is_read_again_by_age_and_the_new_key_signs() {
    let scene = Scene::new().await;
    let keys = scene.signing().await;
    assert_eq!(*keys.get(NOW).await.unwrap(), KID);
    let (kid, set) = new_set();
    scene.put(RING, &set).await;
    assert_eq!(*keys.get(NOW).await.unwrap(), KID, "not of that age yet");
    assert_eq!(*keys.get(later(1)).await.unwrap(), kid);
}

#[tokio::test]
async fn nothing_signs_with_a_ring_that_has_become_nonsense_until_it_is_one_again() {
    let scene = Scene::new().await;
    let keys = scene.signing().await;
    for (round, nonsense) in [(1, "hunter2"), (3, "{\"keys\":[]}"), (5, "{\"keys\":[{}]}")] {
        scene.put(RING, nonsense).await;
        for second in 0..2 {
            let refused = keys.get(later(round) + Duration::from_secs(second)).await.unwrap_err();
            let StoreError::Unavailable(cause) = &refused else { panic!("{refused:?}") };
            assert!(!format!("{cause:?}").contains("hunter2"), "{cause:?}");
        }
        scene.put(RING, JWK_SET).await;
        assert_eq!(*keys.get(later(round + 1)).await.unwrap(), KID);
    }
}

#[tokio::test]
async fn who_signs_goes_on_while_the_secret_cannot_be_reached() {
    let scene = Scene::new().await;
    let keys = scene.signing().await;
    scene.server.abort();
    for round in [1, 2, 10] {
        assert_eq!(*keys.get(later(round)).await.unwrap(), KID);
    }
}

#[tokio::test]
async fn a_flask_services_keys_are_read_beside_our_own_and_leave_by_age() {
    let scene = Scene::new().await;
    let keys = scene.trusted().await;
    assert!(has_flask_keys(&keys.get(NOW).await.unwrap()));
    scene.put(FLASK, "{\"keys\":[]}").await;
    assert!(!has_flask_keys(&keys.get(later(1)).await.unwrap()));
}

#[tokio::test]
async fn while_a_flask_services_keys_were_never_read_nobody_knows_whose_its_tokens_are() {
    let scene = Scene::with_flask(None).await;
    let keys = scene.trusted().await;
    let text = sign(&extended_claims());
    let token = PresentedToken::parse(&text).unwrap();
    let known = keys.get(NOW).await.unwrap();
    assert!(known.verifying.find(KID).is_some(), "ours are there");
    assert!(known.flask.may_have_signed(token));
    assert_eq!(known.flask.access(token, Duration::ZERO, NOW), Err(TokenError::UnknownKey));
    assert!(keys.get_others(&known, NOW).await.unwrap().is_none(), "they were looked for");

    scene.put(FLASK, flask_set().expose_secret()).await;
    let others = keys.get_others(&known, NOW + Duration::from_secs(30)).await.unwrap().unwrap();
    assert!(has_flask_keys(&others), "the first token that comes has them read");
}

#[tokio::test]
async fn our_own_keys_do_not_depend_on_a_flask_services() {
    let scene = Scene::new().await;
    let warm = scene.trusted().await;
    let (kid, set) = new_set();
    scene.put(RING, &set).await;
    for nonsense in ["nonsense", &set] {
        scene.put(FLASK, nonsense).await;
        let cold = scene.trusted().await;
        for keys in [warm.get(later(1)).await.unwrap(), cold.get(NOW).await.unwrap()] {
            assert!(keys.verifying.find(&kid).is_some());
            assert!(!has_flask_keys(&keys));
        }
    }
}
