//! Why keys cannot be used or changed.

use std::{error::Error, time::Duration};

use latchkey_session::StoreError;
use latchkey_token::{KeyError, RandomnessError};

use crate::MAX_PREVIOUS;

/// Why keys cannot be used or changed. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// DynamoDB or KMS did not answer in time. Another try may succeed.
    #[error("the key ring is unavailable: {0}")]
    Unavailable(Box<dyn Error + Send + Sync>),
    /// DynamoDB or KMS refused the call: the policy, the table or the KMS key is not as deployed.
    #[error("AWS refused a call for the key ring: {0}")]
    Refused(Box<dyn Error + Send + Sync>),
    /// The keys table has no ring.
    #[error("there is no key ring yet; the first start of `login` makes it")]
    NotFound,
    /// The item is not a key ring.
    #[error("invalid key ring: {0}")]
    Invalid(String),
    /// KMS cannot open a private half, or what it holds is another key.
    #[error("the private half of key {kid} cannot be opened: {reason}")]
    NotOpened {
        /// The key.
        kid: String,
        /// What KMS or the key reader said.
        reason: String,
    },
    /// A key cannot be used, or a new one could not be generated.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The next key has not been public for long enough.
    #[error(
        "key {kid} was published {} min ago, and verifiers elsewhere may not have it yet: rotate \
         in {} min, or now with --force",
        .public_for.as_secs() / 60,
        .missing.as_secs().div_ceil(60)
    )]
    NextTooNew {
        /// The next key.
        kid: String,
        /// How long it has been public.
        public_for: Duration,
        /// How long it has still to be public before it may sign.
        missing: Duration,
    },
    /// There is no next key to rotate to.
    #[error("there is no next key")]
    NoNextKey,
    /// So many previous keys still verify tokens that no further one can be kept.
    #[error(
        "{MAX_PREVIOUS} previous keys still verify tokens, and no more are kept: wait until one \
         expires, or retire one"
    )]
    TooManyPrevious,
    /// The ring has no key of that id.
    #[error("there is no key {0:?}")]
    UnknownKey(String),
    /// Other writers changed the ring at each try.
    #[error("the key ring was changed by others meanwhile; try again")]
    Conflict,
}

impl RingError {
    /// Whether DynamoDB or KMS is out of reach, so that cached keys may go on serving. A ring that
    /// is missing, invalid or refused is not an outage.
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Requests are answered 503 while there are no keys, as for any other fault of the store.
impl From<RingError> for StoreError {
    fn from(error: RingError) -> Self {
        Self::unavailable(error)
    }
}
