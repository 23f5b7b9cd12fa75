//! Why keys are left as they are.

use auth_store::{StoreError, with_causes};
use auth_token::{KeyError, RandomnessError};
use lambda_runtime::Diagnostic;

/// Why a step was not taken, or an operator is refused. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The event is neither a step of a rotation nor an operator's.
    #[error("the event is not understood: {0}")]
    Event(&'static str),
    /// The secret or the table did not answer, or refused.
    #[error("{}", with_causes(.0))]
    Store(#[from] StoreError),
    /// The secret's ring is none.
    #[error("the signing keys' secret: {0}")]
    Secret(#[source] KeyError),
    /// The table's ring is none.
    #[error("the keys table: {0}")]
    Table(#[source] KeyError),
    /// There is no new key, or no room for it.
    #[error("no new ring can be made: {0}")]
    Making(#[source] KeyError),
    /// Verifiers that look at the table do not find what the secret's keys have signed.
    #[error("the published keys do not belong to the secret's: {0}")]
    Unproved(#[source] KeyError),
    /// There is no random name for a write.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The version is not the one that a rotation is making.
    #[error("version {0} is not the pending one of the signing keys' secret")]
    NotPending(String),
    /// The ring was made from another than the current one, or too long ago.
    #[error(
        "the keys have changed since this rotation began, or it began too long ago; it was \
         cancelled, the next one starts anew"
    )]
    Overtaken,
    /// Somebody else has changed the keys meanwhile.
    #[error("the keys were changed meanwhile; try again")]
    Conflict,
    /// No ring was made yet.
    #[error("the signing keys' secret holds no ring; rotate it to make the first one")]
    NoRing,
    /// The ring has no key of that name.
    #[error("there is no key {0:?}")]
    UnknownKey(String),
}

/// What Lambda reports as the function's error.
impl From<KeysError> for Diagnostic {
    fn from(refused: KeysError) -> Self {
        let error_type = match &refused {
            KeysError::Event(_) => "Event",
            KeysError::Store(_) => "Store",
            KeysError::Secret(_) => "Secret",
            KeysError::Table(_) => "Table",
            KeysError::Making(_) => "Making",
            KeysError::Unproved(_) => "Unproved",
            KeysError::Randomness(_) => "Randomness",
            KeysError::NotPending(_) => "NotPending",
            KeysError::Overtaken => "Overtaken",
            KeysError::Conflict => "Conflict",
            KeysError::NoRing => "NoRing",
            KeysError::UnknownKey(_) => "UnknownKey",
        };
        Self { error_type: error_type.to_owned(), error_message: refused.to_string() }
    }
}
