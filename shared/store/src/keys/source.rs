//! Fetches keys from AWS.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use latchkey_keys::{
    FetchKeys, KeyRing, NewKey, PublicRing, ReadRing as _, RingError, create_ring, open_current,
};
use latchkey_token::{Algorithm, KeySet, LegacyKeys, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::error;

use super::RingSigning;
use crate::{Aws, DynamoKeyRing, kms::KmsKey, secrets::Secret};

/// A store of keys. Generic, so that a function links only the AWS calls that it can need.
pub(super) trait KeyBackend: Send + Sync {
    /// The keys with their version; `None` if the version is `known`.
    fn fetch(
        &self,
        known: Option<&SecretString>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<(KeySet, SecretString)>, RingError>> + Send;
}

fn is_known(known: Option<&SecretString>, version: &str) -> bool {
    known.is_some_and(|known| known.expose_secret() == version)
}

/// The public keys of the ring.
pub(super) struct PublicKeys(pub(super) DynamoKeyRing);

impl KeyBackend for PublicKeys {
    async fn fetch(
        &self,
        known: Option<&SecretString>,
        _now: Timestamp,
    ) -> Result<Option<(KeySet, SecretString)>, RingError> {
        let item = self.0.read_public_ring().await?.ok_or(RingError::NotFound)?;
        if is_known(known, &item.version) {
            return Ok(None);
        }
        let (_, verifying) = PublicRing::read(&item.public)?;
        let keys = KeySet::new(None, verifying);
        Ok(Some((keys, item.version.into())))
    }
}

/// The ring with its private keys.
pub(super) struct SigningKeys {
    table: DynamoKeyRing,
    kms: KmsKey,
    first: Option<Algorithm>,
}

impl SigningKeys {
    pub(super) async fn connect(aws: &Aws, table: String, signing: RingSigning) -> Self {
        let RingSigning { kms_key, first } = signing;
        let table = DynamoKeyRing::connect(aws, table).await;
        Self { table, kms: KmsKey::connect(aws, kms_key).await, first }
    }
}

impl KeyBackend for SigningKeys {
    async fn fetch(
        &self,
        known: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Option<(KeySet, SecretString)>, RingError> {
        let (keys, version) = match self.table.read_ring().await? {
            Some(item) if is_known(known, &item.version) => return Ok(None),
            Some(item) => (open_current(&KeyRing::parse(&item)?, &self.kms).await?, item.version),
            None => {
                let algorithm = self.first.ok_or(RingError::NotFound)?;
                let key = NewKey::generate(algorithm)?;
                create_ring(&self.table, &self.kms, key, now).await?
            }
        };
        Ok(Some((keys, version.into())))
    }
}

/// A private JWK set in Secrets Manager.
pub(super) struct SecretKeys {
    secret: Secret,
    algorithm: Option<Algorithm>,
}

impl SecretKeys {
    pub(super) async fn connect(aws: &Aws, arn: String, algorithm: Option<Algorithm>) -> Self {
        Self { secret: Secret::connect(aws, arn).await, algorithm }
    }
}

impl KeyBackend for SecretKeys {
    async fn fetch(
        &self,
        known: Option<&SecretString>,
        _now: Timestamp,
    ) -> Result<Option<(KeySet, SecretString)>, RingError> {
        let text = self.secret.read().await?;
        if is_known(known, text.expose_secret()) {
            return Ok(None);
        }
        Ok(Some((KeySet::parse(&text)?.signing_with(self.algorithm)?, text)))
    }
}

/// Fetches a function's keys, and those of a legacy service.
pub(super) struct KeyFetcher<B> {
    backend: B,
    legacy: Option<Secret>,
    last: Mutex<LastFetch>,
}

/// The result of the last fetch.
#[derive(Clone, Default)]
struct LastFetch {
    version: Option<SecretString>,
    legacy: LegacySecret,
}

/// The fetched secret of a legacy service.
#[derive(Clone, Default)]
enum LegacySecret {
    /// Not configured, or not fetched yet.
    #[default]
    None,
    Text(SecretString),
    /// The fetch failed.
    Unread,
}

impl<B: KeyBackend> KeyFetcher<B> {
    pub(super) async fn connect(backend: B, legacy_secret: Option<String>, aws: &Aws) -> Self {
        let legacy = match legacy_secret {
            Some(arn) => Some(Secret::connect(aws, arn).await),
            None => None,
        };
        Self { backend, legacy, last: Mutex::default() }
    }

    /// Fetches the legacy keys. If that fails, the last ones stay, so that a fault of this secret
    /// does not affect our own keys.
    async fn fetch_legacy(&self, last: &LegacySecret) -> LegacySecret {
        let Some(secret) = &self.legacy else { return LegacySecret::None };
        match secret.read().await {
            Ok(text) => LegacySecret::Text(text),
            Err(fault) => {
                error!(cause = %fault, "keys of the Flask service not read");
                if let LegacySecret::Text(_) = last { last.clone() } else { LegacySecret::Unread }
            }
        }
    }

    async fn fetch_both(
        &self,
        is_cached: bool,
        now: Timestamp,
    ) -> Result<Option<KeySet>, RingError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = last.version.as_ref().filter(|_| is_cached);
        let (fetched, legacy) =
            tokio::join!(self.backend.fetch(known, now), self.fetch_legacy(&last.legacy));
        let fetched = match fetched? {
            None if legacy == last.legacy => return Ok(None),
            None => self.backend.fetch(None, now).await?,
            fetched => fetched,
        };
        let (keys, version) = fetched.ok_or(RingError::NotFound)?;
        let keys = keys.with_legacy(legacy.keys());
        let version = Some(version);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = LastFetch { version, legacy };
        Ok(Some(keys))
    }
}

impl<B: KeyBackend> FetchKeys for KeyFetcher<B> {
    fn fetch(
        &self,
        is_cached: bool,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<KeySet>, RingError>> + Send + '_>> {
        Box::pin(self.fetch_both(is_cached, now))
    }
}

impl LegacySecret {
    /// The parsed keys; none if the secret is invalid.
    fn keys(&self) -> LegacyKeys {
        match self {
            Self::None => LegacyKeys::default(),
            Self::Unread => LegacyKeys::unread(),
            Self::Text(text) => LegacyKeys::parse(text).unwrap_or_else(|refused| {
                error!(cause = %refused, "keys of the Flask service not usable");
                LegacyKeys::default()
            }),
        }
    }
}

impl PartialEq for LegacySecret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) | (Self::Unread, Self::Unread) => true,
            (Self::Text(ours), Self::Text(theirs)) => {
                ours.expose_secret() == theirs.expose_secret()
            }
            _ => false,
        }
    }
}
