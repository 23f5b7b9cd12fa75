//! Fetching keys from AWS.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use latchkey_keys::{
    FetchKeys, KeyRing, NewKey, PublicRing, ReadRing as _, RingError, create_ring, open_current,
};
use latchkey_token::{Algorithm, FlaskKeys, KeySet, Timestamp, VerifyingKeys};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::error;

use super::RingSigning;
use crate::{Aws, DynamoKeyRing, kms::KmsKey, secrets::Secret};

/// Where keys are fetched from. A function links the AWS calls of the kinds that it can have alone.
pub(super) trait Place: Send + Sync {
    /// What it holds.
    type Keys;

    /// The keys with their version; `None` when the version is `known`.
    fn fetch(
        &self,
        known: Option<&SecretString>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<(Self::Keys, SecretString)>, RingError>> + Send;
}

fn is_known(known: Option<&SecretString>, version: &str) -> bool {
    known.is_some_and(|known| known.expose_secret() == version)
}

/// The public halves of the ring.
pub(super) struct PublicHalves(pub(super) DynamoKeyRing);

impl Place for PublicHalves {
    type Keys = VerifyingKeys;

    async fn fetch(
        &self,
        known: Option<&SecretString>,
        _now: Timestamp,
    ) -> Result<Option<(VerifyingKeys, SecretString)>, RingError> {
        let item = self.0.read_public_ring().await?.ok_or(RingError::NotFound)?;
        if is_known(known, &item.version) {
            return Ok(None);
        }
        let keys = PublicRing::parse(&item.public)?.verifying_keys()?;
        Ok(Some((keys, item.version.into())))
    }
}

/// The whole ring.
pub(super) struct WholeRing {
    table: DynamoKeyRing,
    kms: KmsKey,
    first: Option<Algorithm>,
}

impl WholeRing {
    pub(super) async fn connect(aws: &Aws, table: String, signing: RingSigning) -> Self {
        let RingSigning { kms_key, first } = signing;
        let table = DynamoKeyRing::connect(aws, table).await;
        Self { table, kms: KmsKey::connect(aws, kms_key).await, first }
    }
}

impl Place for WholeRing {
    type Keys = KeySet;

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

impl Place for Secret {
    type Keys = KeySet;

    async fn fetch(
        &self,
        known: Option<&SecretString>,
        _now: Timestamp,
    ) -> Result<Option<(KeySet, SecretString)>, RingError> {
        let text = self.read().await?;
        if is_known(known, text.expose_secret()) {
            return Ok(None);
        }
        Ok(Some((KeySet::parse(&text)?, text)))
    }
}

/// Fetches a function's keys, and a Flask service's beside them.
pub(super) struct Source<P, M> {
    place: P,
    flask: Option<Secret>,
    make: M,
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

impl<P: Place, M> Source<P, M> {
    pub(super) async fn connect(
        place: P,
        flask_secret: Option<String>,
        aws: &Aws,
        make: M,
    ) -> Self {
        let flask = match flask_secret {
            Some(arn) => Some(Secret::connect(aws, arn).await),
            None => None,
        };
        Self { place, flask, make, last: Mutex::default() }
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

    async fn fetch_both<K>(&self, is_cached: bool, now: Timestamp) -> Result<Option<K>, RingError>
    where
        M: Fn(P::Keys, FlaskKeys) -> Result<K, RingError>,
    {
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

impl<K, P, M> FetchKeys<K> for Source<P, M>
where
    P: Place<Keys: Send>,
    M: Fn(P::Keys, FlaskKeys) -> Result<K, RingError> + Send + Sync,
    K: Send + 'static,
{
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
