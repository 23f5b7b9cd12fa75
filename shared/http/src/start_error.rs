//! The error of `main`.

use std::{error::Error, fmt};

use latchkey_session::with_causes;

/// Why a function does not start. Every error converts with `?`. Rust prints the error of `main`
/// with `Debug`, which is a sentence with all causes here.
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
