//! What `main` returns when a function does not start.

use std::{error::Error, fmt};

use latchkey_session::with_causes;

/// Why a function does not start. Rust prints what `main` returns by its `Debug`, so that of this
/// type is a sentence with all causes.
pub struct StartError(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for StartError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self.0.as_ref()))
    }
}
