//! Faults of the store.

use std::error::Error;

/// A fault of the store. Absence and conflict are outcomes and not errors.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, refused the call, or sent a malformed reply. Another try
    /// may succeed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// An item lacks an attribute, or has one of another type than we write.
    #[error("an item has no readable attribute `{0}`")]
    Malformed(&'static str),
}

impl StoreError {
    /// Keeps what an error says, and nothing else of it: those of the SDK carry the whole reply, of
    /// which `Debug` would show a secret.
    pub fn unavailable(source: impl Error) -> Self {
        Self::Unavailable(with_causes(&source).into())
    }
}

/// An error with everything that led to it.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Some errors say what their cause says.
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}
