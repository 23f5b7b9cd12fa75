//! Why the store did not answer.

use std::error::Error;

/// A fault of the store. Absence and conflict are outcomes and not errors.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, refused the call, or answered nonsense. Another try may
    /// succeed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// An item lacks an attribute, or has one of another type than we write.
    #[error("an item has no readable attribute `{0}`")]
    Malformed(&'static str),
}

impl StoreError {
    pub(crate) fn unavailable(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Box::new(source))
    }
}

/// An error with everything that led to it.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
