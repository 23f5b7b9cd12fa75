//! A guard whose keys rotate while it is at work.
#![cfg(test)]

use std::time::Duration;

use auth_api::{Guard, Refusal, Requirement, SessionCheck, TokenLocations, TokenReader};
use auth_store::{
    Aws, DynamoKeys, FindPublishedRing as _, KeyLocation, KeySource, MemoryUsers, Publication,
    PublishOutcome, PublishRing as _,
};
use auth_testkit::{
    dynamodb, flask,
    forge::{claims, header, sign, with},
    proxy::{DynamoProxy, Fault},
    subject::{KEY_POLICY, NOW, grant, key_source, new_ring, operation, token_profile},
};
use auth_token::{Issuer, KeyRing, SessionId, SigningRing, Timestamp, TokenError, UserId};
use lambda_http::http::Request;
use secrecy::ExposeSecret as _;

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// A token of the key that signs.
fn token(ring: &SigningRing, now: Timestamp) -> String {
    let key = KeyRing::parse(&ring.to_secret()).unwrap().into_signing_key();
    let (user, session) = (UserId::generate().unwrap(), SessionId::generate().unwrap());
    let issued = Issuer::new(key, token_profile()).access_token(&grant(&user, &session), true, now);
    issued.unwrap().text.expose_secret().to_owned()
}

fn published() -> KeySource {
    key_source(KeyLocation::Table { name: "KeysTable".to_owned() })
}

/// A table of keys, and a proxy in front of it that counts.
struct Table {
    keys: DynamoKeys,
    proxy: DynamoProxy,
}

impl Table {
    async fn new() -> Self {
        let engine = dynamodb().await;
        let proxy = DynamoProxy::start(&engine).await;
        let keys = DynamoKeys::connect(&Aws::emulator(&engine), "KeysTable".to_owned()).await;
        Self { keys, proxy }
    }

    async fn publish(&self, ring: &SigningRing) {
        let found = self.keys.find_published_ring().await.unwrap();
        let replaces = found.as_ref().map(|found| found.version.as_str());
        let (ring, version) = (ring.published(), operation());
        let publication = Publication { ring: &ring, replaces, version: &version, now: NOW };
        let outcome = self.keys.publish_ring(&publication).await.unwrap();
        assert_eq!(outcome, PublishOutcome::Published);
    }

    /// A guard that starts now, and looks no sessions up.
    async fn guard(&self) -> Guard<MemoryUsers> {
        self.guard_with(published()).await
    }

    async fn guard_with(&self, source: KeySource) -> Guard<MemoryUsers> {
        let (aws, locations) = (Aws::emulator(&self.proxy.endpoint), TokenLocations::default());
        let reader = TokenReader::connect(source, token_profile(), locations, &aws, NOW).await;
        Guard::reading(reader.unwrap(), SessionCheck::off())
    }

    fn readings(&self) -> usize {
        self.proxy.take_calls().len()
    }
}

#[tokio::test]
async fn a_token_of_a_key_that_was_published_since_is_taken_at_once() {
    let table = Table::new().await;
    let mut ring = new_ring();
    table.publish(&ring).await;
    let guard = table.guard().await;
    let first = token(&ring, NOW);
    // Twice, so that not even the key that was next is one that the guard has read.
    for second in 1..4 {
        for _ in 0..2 {
            ring = ring.rotated("v", KEY_POLICY, later(second)).unwrap();
        }
        table.publish(&ring).await;
        table.readings();
        let now = later(second);
        assert!(guard.admit(&token(&ring, now), now).await.is_ok(), "after {second} s");
        assert_eq!(table.readings(), 1);
        assert!(guard.admit(&first, now).await.is_ok(), "nobody is signed out");
        assert_eq!(table.readings(), 0);
    }
}

#[tokio::test]
async fn names_that_somebody_made_up_have_the_keys_read_once_in_thirty_seconds() {
    let table = Table::new().await;
    let ring = new_ring();
    table.publish(&ring).await;
    let guard = table.guard().await;
    table.readings();
    for (second, readings) in [(1, 1), (1, 0), (2, 0), (30, 0), (31, 1)] {
        let made_up = sign(&with(header(), "kid", format!("key-{second}").into()), &claims());
        let refusal = guard.admit(&made_up, later(second)).await;
        assert!(matches!(refusal, Err(Refusal::Token(TokenError::UnknownKey))), "{refusal:?}");
        assert_eq!(table.readings(), readings, "after {second} s");
    }
    let named = with(header(), "kid", ring.current_kid().into());
    let forged = guard.admit(&sign(&named, &claims()), later(32)).await;
    assert!(matches!(forged, Err(Refusal::Token(TokenError::BadSignature))), "{forged:?}");
    assert!(guard.admit(&token(&ring, later(32)), later(32)).await.is_ok());
    assert_eq!(table.readings(), 0, "of a key that is known");
}

#[tokio::test]
async fn tokens_of_a_retired_key_are_refused_when_the_keys_have_reached_their_greatest_age() {
    let table = Table::new().await;
    let ring = new_ring();
    table.publish(&ring).await;
    let guard = table.guard().await;
    let (of_current, now) = (token(&ring, NOW), later(120));
    assert!(guard.admit(&of_current, NOW).await.is_ok());
    let kid = ring.current_kid().to_owned();
    let left = ring.without(&kid, "v1", KEY_POLICY, NOW).unwrap().unwrap();
    table.publish(&left).await;
    let refusal = guard.admit(&of_current, now).await;
    assert!(matches!(refusal, Err(Refusal::Token(TokenError::UnknownKey))), "{refusal:?}");
    assert!(guard.admit(&token(&left, now), now).await.is_ok(), "the next key signs at once");
}

#[tokio::test]
async fn a_flask_services_keys_that_cannot_be_read_are_missed_by_its_own_tokens_alone() {
    let table = Table::new().await;
    let ring = new_ring();
    table.publish(&ring).await;
    // The engine knows of no secrets.
    let source = KeySource { flask_secret: Some("Flask".to_owned()), ..published() };
    let guard = table.guard_with(source).await;
    for now in [NOW, later(1), later(40), later(200)] {
        assert!(guard.admit(&token(&ring, now), now).await.is_ok(), "{now:?}");
        let made_up = sign(&with(header(), "kid", "made-up".into()), &claims());
        let refusal = guard.admit(&made_up, now).await;
        assert!(matches!(refusal, Err(Refusal::Token(TokenError::UnknownKey))), "{refusal:?}");
        let refusal = guard.admit(&flask::sign(&flask::extended_claims()), now).await;
        assert!(matches!(refusal, Err(Refusal::Fault(_))), "{refusal:?}");
    }
}

#[tokio::test]
async fn without_keys_requests_are_503_until_there_are_some() {
    let table = Table::new().await;
    let ring = new_ring();
    table.publish(&ring).await;
    table.proxy.inject("GetItem", Fault::Error("ResourceNotFoundException"), usize::MAX);
    let guard = table.guard().await;
    let identify = async |now| {
        let bearer = format!("Bearer {}", token(&ring, NOW));
        let request = Request::builder().header("authorization", bearer).body(()).unwrap();
        guard.identify(&request, Requirement::TOKEN, now).await.map(drop)
    };
    for second in 0..2 {
        let error = identify(later(second)).await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (503, "unavailable"));
    }
    table.proxy.heal();
    assert!(identify(later(2)).await.is_ok());
    // Later on the last keys serve.
    table.proxy.inject("GetItem", Fault::Error("ResourceNotFoundException"), usize::MAX);
    assert!(identify(later(600)).await.is_ok());
}
