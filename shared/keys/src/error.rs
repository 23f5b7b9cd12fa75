//! Errors of the key ring.

use std::{error::Error, time::Duration};

use latchkey_session::StoreError;
use latchkey_token::{KeyError, RandomnessError};

use crate::MAX_PREVIOUS;

/// Why the key ring cannot be used or changed. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// DynamoDB, KMS or Secrets Manager did not answer in time. A retry may succeed.
    #[error("the key ring is unavailable: {0}")]
    Unavailable(Box<dyn Error + Send + Sync>),
    /// AWS refused the call: the IAM policy, the table, the KMS key or the secret is not as
    /// deployed.
    #[error("AWS refused a call for the key ring: {0}")]
    Refused(Box<dyn Error + Send + Sync>),
    /// The keys table has no key ring.
    #[error("there is no key ring yet; the first start of `login` makes it")]
    NotFound,
    /// The item is not a valid key ring.
    #[error("invalid key ring: {0}")]
    Invalid(String),
    /// KMS cannot decrypt a private half, or it does not match the public half.
    #[error("the private half of key {kid} cannot be opened: {reason}")]
    NotOpened {
        /// The `kid` of the key.
        kid: String,
        /// The message of KMS or of the key parser.
        reason: String,
    },
    /// A key is invalid, or a new key could not be generated.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The operating system returned no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The next key has not been public for [`MIN_PUBLIC_TIME`](crate::MIN_PUBLIC_TIME).
    #[error(
        "key {kid} was published {} min ago, and verifiers elsewhere may not have it yet: rotate \
         in {} min, or now with --force",
        .public_for.as_secs() / 60,
        .missing.as_secs().div_ceil(60)
    )]
    NextTooNew {
        /// The `kid` of the next key.
        kid: String,
        /// How long the key has been public.
        public_for: Duration,
        /// How long the key must still be public before it may sign.
        missing: Duration,
    },
    /// The ring has no next key to promote.
    #[error("there is no next key")]
    NoNextKey,
    /// The ring already has [`MAX_PREVIOUS`] previous keys that still verify tokens.
    #[error(
        "{MAX_PREVIOUS} previous keys still verify tokens, and no more are kept: wait until one \
         expires, or retire one"
    )]
    TooManyPrevious,
    /// The ring has no key with this `kid`.
    #[error("there is no key {0:?}")]
    UnknownKey(String),
    /// Other writers changed the ring during each of five attempts.
    #[error("the key ring was changed by others meanwhile; try again")]
    Conflict,
}

impl RingError {
    /// Whether AWS is unavailable, so that cached keys may keep serving. A ring that is missing,
    /// invalid or refused is not an outage.
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Requests get a 503 while there are no keys, as for any other fault of a store.
impl From<RingError> for StoreError {
    fn from(error: RingError) -> Self {
        Self::unavailable(error)
    }
}
