//! Faults of a store.

use std::error::Error;

/// A fault of a store. Absence and conflict are outcomes, not errors.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, refused the call, or sent a malformed reply. A retry may
    /// succeed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// An item lacks the named attribute, or the attribute has an unexpected type.
    #[error("an item has no readable attribute `{0}`")]
    Malformed(&'static str),
}

impl StoreError {
    /// An [`Unavailable`](Self::Unavailable) with the messages of `source` only: errors of the AWS
    /// SDK carry the whole reply, and their `Debug` output could show a secret.
    pub fn unavailable(source: impl Error) -> Self {
        Self::Unavailable(with_causes(&source).into())
    }
}

/// The message of `error`, followed by those of its causes.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Some errors repeat the message of their cause.
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}
