//! Reading keys from where they are.

use auth_token::{Algorithm, FlaskKeys, KeyRing, VerifyingKeys};
use secrecy::{ExposeSecret, SecretString};
use tracing::error;

use super::{KeyLocation, KeySourceError, TrustedKeys, expect_algorithm};
use crate::{Aws, DynamoKeys, FindPublishedRing as _, SecretRings, with_causes};

/// A place that keys are read from again and again.
#[derive(Clone, Debug)]
pub(super) enum KeyPlace {
    /// Private keys.
    Secret(SecretRings),
    /// Public keys.
    Table(DynamoKeys),
}

impl KeyPlace {
    /// `None` for keys at hand, which do not change.
    pub(super) async fn of(location: &KeyLocation, aws: &Aws) -> Option<Self> {
        match location {
            KeyLocation::Secret { arn } => {
                Some(Self::Secret(SecretRings::connect(aws, arn.clone()).await))
            }
            KeyLocation::Table { name } => {
                Some(Self::Table(DynamoKeys::connect(aws, name.clone()).await))
            }
            KeyLocation::JwkSet(_)
            | KeyLocation::SharedSecret(_)
            | KeyLocation::PrivatePem(_)
            | KeyLocation::PublicPem(_) => None,
        }
    }
}

/// What reads a function's keys, all of them at once.
#[derive(Clone, Debug)]
pub(super) struct KeyReader {
    place: KeyPlace,
    flask: Option<SecretRings>,
}

/// The keys as they are written.
#[derive(Debug)]
pub(super) struct KeyTexts {
    ring: WrittenRing,
    flask: FlaskText,
}

#[derive(Debug)]
enum WrittenRing {
    Private(SecretString),
    Public(String),
}

#[derive(Debug)]
enum FlaskText {
    /// There is no Flask service.
    Nothing,
    Read(SecretString),
    Unread,
}

impl KeyReader {
    pub(super) async fn new(place: KeyPlace, flask_secret: Option<String>, aws: &Aws) -> Self {
        let flask = match flask_secret {
            Some(arn) => Some(SecretRings::connect(aws, arn).await),
            None => None,
        };
        Self { place, flask }
    }

    /// Reads the keys. A Flask service's are as they were in `known` when they cannot be read: our
    /// own do not depend on them.
    pub(super) async fn read(
        &self,
        known: Option<SecretString>,
    ) -> Result<KeyTexts, KeySourceError> {
        let flask = async {
            let Some(secret) = &self.flask else { return FlaskText::Nothing };
            match secret.read_current().await {
                Ok(text) => FlaskText::Read(text),
                Err(fault) => {
                    error!(cause = with_causes(&fault), "keys of the Flask service not read");
                    known.map_or(FlaskText::Unread, FlaskText::Read)
                }
            }
        };
        let (ring, flask) = tokio::join!(self.read_ring(), flask);
        Ok(KeyTexts { ring: ring?, flask })
    }

    async fn read_ring(&self) -> Result<WrittenRing, KeySourceError> {
        match &self.place {
            KeyPlace::Secret(secret) => Ok(WrittenRing::Private(secret.read_current().await?)),
            KeyPlace::Table(table) => {
                let found = table.find_published_ring().await?;
                found
                    .map(|found| WrittenRing::Public(found.text))
                    .ok_or(KeySourceError::NotPublished)
            }
        }
    }
}

impl KeyTexts {
    /// The ring of a function that signs.
    pub(super) fn ring(&self) -> Result<KeyRing, KeySourceError> {
        match &self.ring {
            WrittenRing::Private(text) => Ok(KeyRing::parse(text)?),
            WrittenRing::Public(_) => Err(KeySourceError::PublicOnly),
        }
    }

    /// The keys of a function that only verifies.
    pub(super) fn trusted(&self, wanted: Option<Algorithm>) -> Result<TrustedKeys, KeySourceError> {
        match &self.ring {
            WrittenRing::Private(text) => {
                let ring = expect_algorithm(KeyRing::parse(text)?, wanted)?;
                Ok(TrustedKeys::of(&ring))
            }
            WrittenRing::Public(text) => {
                let verifying = VerifyingKeys::parse(text)?;
                Ok(TrustedKeys { verifying, flask: FlaskKeys::default() })
            }
        }
    }

    /// The keys in a secret of a Flask service's; none when they are not usable.
    pub(super) fn flask_keys(&self) -> FlaskKeys {
        let text = match &self.flask {
            FlaskText::Nothing => return FlaskKeys::default(),
            FlaskText::Unread => return FlaskKeys::unread(),
            FlaskText::Read(text) => text,
        };
        FlaskKeys::parse(text).unwrap_or_else(|refused| {
            error!(cause = with_causes(&refused), "keys of the Flask service not usable");
            FlaskKeys::default()
        })
    }

    /// A Flask service's keys as they are written, if they were read.
    pub(super) const fn flask_text(&self) -> Option<&SecretString> {
        match &self.flask {
            FlaskText::Read(text) => Some(text),
            FlaskText::Nothing | FlaskText::Unread => None,
        }
    }
}

/// Keys that are written the same are the same.
impl PartialEq for KeyTexts {
    fn eq(&self, other: &Self) -> bool {
        let is_same_ring = match (&self.ring, &other.ring) {
            (WrittenRing::Private(ours), WrittenRing::Private(theirs)) => {
                ours.expose_secret() == theirs.expose_secret()
            }
            (WrittenRing::Public(ours), WrittenRing::Public(theirs)) => ours == theirs,
            (WrittenRing::Private(_), WrittenRing::Public(_))
            | (WrittenRing::Public(_), WrittenRing::Private(_)) => false,
        };
        let is_read = |texts: &Self| !matches!(texts.flask, FlaskText::Unread);
        is_same_ring
            && is_read(self) == is_read(other)
            && self.flask_text().map(ExposeSecret::expose_secret)
                == other.flask_text().map(ExposeSecret::expose_secret)
    }
}
