//! A guard while its keys rotate.
#![cfg(test)]

use std::time::Duration;

use lambda_http::{Body, http::Request};
use latchkey_guard::{Guard, Requirement, RevocationCheck, TokenReader};
use latchkey_http::ErrorKind;
use latchkey_keys::{KeyRing, KeyState, open_current};
use latchkey_store::{KeySource, MemoryUsers, RingVerifying};
use latchkey_testkit::{
    cloud::Cloud,
    fixtures::{NOW, grant, reader, token_profile, verifying_ring},
    flask,
    forge::{claims, header, sign, with},
    proxy::Fault,
};
use latchkey_token::{Issuer, SessionId, Timestamp, UserId};
use secrecy::ExposeSecret as _;

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// An access token signed with the current key.
async fn token(cloud: &Cloud, now: Timestamp) -> String {
    let ring = KeyRing::parse(&cloud.item().await.unwrap()).unwrap();
    let keys = open_current(&ring, &cloud.kms().await).await.unwrap();
    cloud.take_operations();
    let (user, session) = (UserId::generate().unwrap(), SessionId::generate().unwrap());
    let profile = token_profile();
    let issuer = Issuer::new(keys.signing().unwrap(), &profile);
    let token = issuer.access_token(&grant(&user, &session), true, now);
    token.unwrap().text.expose_secret().to_owned()
}

/// A guard that starts now and looks no sessions up.
async fn guard(cloud: &Cloud, source: KeySource<RingVerifying>) -> Guard<MemoryUsers> {
    let keys = source.connect(&cloud.aws, NOW).await;
    cloud.take_operations();
    Guard::new(TokenReader { keys, ..reader() }, None::<MemoryUsers>, RevocationCheck::Off)
}

#[tokio::test]
async fn a_token_of_a_newly_published_key_is_accepted_at_once() {
    let cloud = Cloud::with_ring().await;
    let guard = guard(&cloud, verifying_ring()).await;
    let first = token(&cloud, NOW).await;
    // Twice, so that the guard has not cached the current key as the next key.
    for second in 1..4 {
        let now = later(second);
        cloud.rotate(now).await;
        cloud.rotate(now).await;
        let newest = token(&cloud, now).await;
        assert!(guard.authenticate_token(&newest, now).await.is_ok(), "after {second} s");
        assert_eq!(cloud.take_operations(), ["GetItem"]);
        assert!(guard.authenticate_token(&first, now).await.is_ok(), "a rotation ends no session");
        assert!(cloud.take_operations().is_empty());
    }
}

#[tokio::test]
async fn unknown_key_ids_cause_one_fetch_in_thirty_seconds() {
    let cloud = Cloud::with_ring().await;
    let guard = guard(&cloud, verifying_ring()).await;
    for (second, fetches) in [(1, 1), (1, 0), (2, 0), (30, 0), (31, 1)] {
        let unknown = sign(&with(header(), "kid", format!("key-{second}").into()), &claims());
        let refusal = guard.authenticate_token(&unknown, later(second)).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
            "{refusal:?}"
        );
        assert_eq!(cloud.take_operations().len(), fetches, "after {second} s");
    }
    let ring = KeyRing::parse(&cloud.item().await.unwrap()).unwrap();
    let kid = ring.public().in_state(KeyState::Current).unwrap().jwk.kid.clone();
    let forged = guard
        .authenticate_token(&sign(&with(header(), "kid", kid.into()), &claims()), later(32))
        .await;
    assert!(
        matches!(forged, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
        "{forged:?}"
    );
    let valid = token(&cloud, later(32)).await;
    assert!(guard.authenticate_token(&valid, later(32)).await.is_ok());
    assert!(cloud.take_operations().is_empty(), "its key is cached");
}

#[tokio::test]
async fn tokens_of_a_retired_key_are_refused_when_cached_keys_are_stale() {
    let cloud = Cloud::with_ring().await;
    let guard = guard(&cloud, verifying_ring()).await;
    let retired = token(&cloud, NOW).await;
    assert!(guard.authenticate_token(&retired, NOW).await.is_ok());
    cloud.retire_current(NOW).await;
    let now = later(120);
    let refusal = guard.authenticate_token(&retired, now).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
        "{refusal:?}"
    );
    let next = token(&cloud, now).await;
    assert!(guard.authenticate_token(&next, now).await.is_ok(), "the next key signs at once");
}

#[tokio::test]
async fn unreadable_flask_keys_affect_only_flask_tokens() {
    let cloud = Cloud::with_ring().await;
    // This secret does not exist.
    let source = KeySource { flask_secret: Some("Flask".to_owned()), ..verifying_ring() };
    let guard = guard(&cloud, source).await;
    for now in [NOW, later(1), later(40), later(200)] {
        let own = token(&cloud, now).await;
        assert!(guard.authenticate_token(&own, now).await.is_ok(), "{now:?}");
        let unknown = sign(&with(header(), "kid", "unknown".into()), &claims());
        let refusal = guard.authenticate_token(&unknown, now).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
            "{refusal:?}"
        );
        let refusal = guard.authenticate_token(&flask::sign(&flask::extended_claims()), now).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::Unavailable),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn without_keys_requests_are_503() {
    let cloud = Cloud::with_ring().await;
    let bearer = format!("Bearer {}", token(&cloud, NOW).await);
    let fault = Fault::Error("InternalServerError");
    cloud.proxy.inject("GetItem", fault, usize::MAX);
    let guard = guard(&cloud, verifying_ring()).await;
    let identify = async |now| {
        let request =
            Request::builder().header("authorization", &bearer).body(Body::Empty).unwrap();
        guard.authenticate(&request, Requirement::TOKEN, now).await.map(drop)
    };
    for second in 0..2 {
        let error = identify(later(second)).await.unwrap_err();
        assert_eq!((error.kind().status().as_u16(), error.kind().code()), (503, "unavailable"));
    }
    cloud.proxy.heal();
    assert!(identify(later(2)).await.is_ok());
    // After a fetch the cached keys serve for an hour.
    cloud.proxy.inject("GetItem", fault, usize::MAX);
    assert!(identify(later(600)).await.is_ok());
    let error = identify(later(3_602)).await.unwrap_err();
    assert_eq!((error.kind().status().as_u16(), error.kind().code()), (503, "unavailable"));
}
