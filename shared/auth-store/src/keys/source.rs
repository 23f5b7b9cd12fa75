//! Fetching keys from AWS.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use auth_token::{Algorithm, FlaskKeys, KeySet, Timestamp, VerifyingKeys};
use latchkey_keys::{
    FetchKeys, KeyRing, NewKey, PublicRing, ReadRing as _, RingError, create_ring, open_current,
};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::error;

use super::{KeyLocation, RingSigning, TrustedKeys, expect_algorithm};
use crate::{Aws, DynamoKeyRing, kms::KmsKey, secrets::Secret};

/// Where keys are fetched from.
pub(super) enum Place {
    PublicRing(DynamoKeyRing),
    Ring(Box<SigningRing>),
    Secret(Secret),
}

pub(super) struct SigningRing {
    table: DynamoKeyRing,
    kms: KmsKey,
    first: Option<Algorithm>,
}

/// What a place holds.
pub(super) enum Keys {
    Private(Box<KeySet>),
    Public(VerifyingKeys),
}

impl Place {
    /// `None` for static keys.
    pub(super) async fn connect(location: &KeyLocation, aws: &Aws) -> Option<Self> {
        match location {
            KeyLocation::Ring { table, signing } => {
                let table = DynamoKeyRing::connect(aws, table.clone()).await;
                let Some(RingSigning { kms_key, first }) = signing.clone() else {
                    return Some(Self::PublicRing(table));
                };
                let kms = KmsKey::connect(aws, kms_key).await;
                Some(Self::Ring(Box::new(SigningRing { table, kms, first })))
            }
            KeyLocation::Secret { arn } => {
                Some(Self::Secret(Secret::connect(aws, arn.clone()).await))
            }
            KeyLocation::JwkSet(_)
            | KeyLocation::SharedSecret(_)
            | KeyLocation::PrivatePem(_)
            | KeyLocation::PublicPem(_) => None,
        }
    }

    /// The keys with their version; `None` when the version is `known`.
    async fn fetch(
        &self,
        known: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Option<(Keys, SecretString)>, RingError> {
        let is_known = |version: &str| known.is_some_and(|known| known.expose_secret() == version);
        match self {
            Self::PublicRing(table) => {
                let item = table.read_public_ring().await?.ok_or(RingError::NotFound)?;
                if is_known(&item.version) {
                    return Ok(None);
                }
                let keys = PublicRing::parse(&item.public)?.verifying_keys()?;
                Ok(Some((Keys::Public(keys), item.version.into())))
            }
            Self::Ring(ring) => {
                let (keys, version) = match ring.table.read_ring().await? {
                    Some(item) if is_known(&item.version) => return Ok(None),
                    Some(item) => {
                        (open_current(&KeyRing::parse(&item)?, &ring.kms).await?, item.version)
                    }
                    None => {
                        let algorithm = ring.first.ok_or(RingError::NotFound)?;
                        let key = NewKey::generate(algorithm)?;
                        create_ring(&ring.table, &ring.kms, key, now).await?
                    }
                };
                Ok(Some((Keys::Private(Box::new(keys)), version.into())))
            }
            Self::Secret(secret) => {
                let text = secret.read().await?;
                if is_known(text.expose_secret()) {
                    return Ok(None);
                }
                Ok(Some((Keys::Private(Box::new(KeySet::parse(&text)?)), text)))
            }
        }
    }
}

/// The keys of a function that signs.
pub(super) fn signing(keys: Keys, wanted: Option<Algorithm>) -> Result<KeySet, RingError> {
    match keys {
        Keys::Private(keys) => {
            expect_algorithm(*keys, wanted).map_err(|error| RingError::Invalid(error.to_string()))
        }
        Keys::Public(_) => Err(RingError::Invalid("a public key cannot sign".to_owned())),
    }
}

/// The keys of a function that only verifies.
pub(super) fn trusted(keys: Keys, wanted: Option<Algorithm>) -> Result<TrustedKeys, RingError> {
    match keys {
        Keys::Private(_) => signing(keys, wanted).map(|keys| TrustedKeys::of(&keys)),
        Keys::Public(verifying) => Ok(TrustedKeys { verifying, flask: FlaskKeys::default() }),
    }
}

type Make<K> = Box<dyn Fn(Keys, FlaskKeys) -> Result<K, RingError> + Send + Sync>;

/// Fetches a function's keys, and a Flask service's beside them.
pub(super) struct Source<K> {
    place: Place,
    flask: Option<Secret>,
    make: Make<K>,
    last: Mutex<Last>,
}

/// What the last fetch found.
#[derive(Clone, Default)]
struct Last {
    version: Option<SecretString>,
    flask: FlaskText,
}

#[derive(Clone, Default)]
enum FlaskText {
    /// There is no Flask service, or nothing was fetched yet.
    #[default]
    None,
    Text(SecretString),
    Unread,
}

impl<K> Source<K> {
    pub(super) async fn connect(
        place: Place,
        flask_secret: Option<String>,
        aws: &Aws,
        make: impl Fn(Keys, FlaskKeys) -> Result<K, RingError> + Send + Sync + 'static,
    ) -> Self {
        let flask = match flask_secret {
            Some(arn) => Some(Secret::connect(aws, arn).await),
            None => None,
        };
        Self { place, flask, make: Box::new(make), last: Mutex::default() }
    }

    /// A Flask service's keys are as they were in `last` when they cannot be read: our own do not
    /// depend on them.
    async fn fetch_flask(&self, last: &FlaskText) -> FlaskText {
        let Some(secret) = &self.flask else { return FlaskText::None };
        match secret.read().await {
            Ok(text) => FlaskText::Text(text),
            Err(fault) => {
                error!(cause = %fault, "keys of the Flask service not read");
                if let FlaskText::Text(_) = last { last.clone() } else { FlaskText::Unread }
            }
        }
    }

    async fn fetch_both(&self, is_cached: bool, now: Timestamp) -> Result<Option<K>, RingError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let known = last.version.as_ref().filter(|_| is_cached);
        let (fetched, flask) =
            tokio::join!(self.place.fetch(known, now), self.fetch_flask(&last.flask));
        let fetched = match fetched? {
            None if flask == last.flask => return Ok(None),
            None => self.place.fetch(None, now).await?,
            fetched => fetched,
        };
        let (keys, version) = fetched.ok_or(RingError::NotFound)?;
        let keys = (self.make)(keys, flask.keys())?;
        let version = Some(version);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Last { version, flask };
        Ok(Some(keys))
    }
}

impl<K> FetchKeys<K> for Source<K> {
    fn fetch(
        &self,
        is_cached: bool,
        now: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Result<Option<K>, RingError>> + Send + '_>> {
        Box::pin(self.fetch_both(is_cached, now))
    }
}

impl FlaskText {
    /// The keys; none when they are not usable.
    fn keys(&self) -> FlaskKeys {
        match self {
            Self::None => FlaskKeys::default(),
            Self::Unread => FlaskKeys::unread(),
            Self::Text(text) => FlaskKeys::parse(text).unwrap_or_else(|refused| {
                error!(cause = %refused, "keys of the Flask service not usable");
                FlaskKeys::default()
            }),
        }
    }
}

impl PartialEq for FlaskText {
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
