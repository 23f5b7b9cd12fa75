//! User names.

use latchkey_precis::{PrecisError, username_case_mapped};

const MAX_CHARS: usize = 128;

/// A user name: as it was typed, and in the form in which names are compared.
///
/// The form is RFC 8265's `UsernameCaseMapped` over current Unicode: case, width and composition
/// are folded; spaces, control characters and symbols are refused. An e-mail address passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    typed: String,
    folded: String,
}

/// Why a text is no user name. The sentences complete "`username` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// Empty, or longer than 128 characters.
    #[error("must be 1 to 128 characters long")]
    Length,
    /// It has a character that RFC 8265 §3.3 does not allow.
    #[error("must not contain spaces, control characters or symbols outside ASCII")]
    Character,
    /// It breaks the bidi rule (RFC 5893 §2).
    #[error("must not mix letters written from left to right and from right to left")]
    Direction,
}

impl Username {
    /// Takes a user name from text.
    ///
    /// # Errors
    /// Every variant of [`UsernameError`].
    pub fn parse(typed: &str) -> Result<Self, UsernameError> {
        let folded = username_case_mapped(typed).map_err(|error| match error {
            PrecisError::Empty => UsernameError::Length,
            PrecisError::Character => UsernameError::Character,
            PrecisError::Direction => UsernameError::Direction,
        })?;
        // The folded form is measured, because equivalent spellings differ in length.
        if folded.chars().count() > MAX_CHARS {
            return Err(UsernameError::Length);
        }
        Ok(Self { typed: typed.to_owned(), folded })
    }

    /// The name as it was typed; what people are shown.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The name in the form in which names are compared and stored.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}
