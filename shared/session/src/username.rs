//! User names.

use latchkey_precis::{PrecisError, username_case_mapped};

const MAX_CHARS: usize = 128;

/// A user name: as typed, and in folded form for comparison.
///
/// The folded form is `UsernameCaseMapped` (RFC 8265 §3.3) over current Unicode: case, width and
/// composition are folded; spaces, control characters and symbols outside ASCII are refused. An
/// e-mail address is a valid user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    typed: String,
    folded: String,
}

/// Why a text is not a user name. The messages complete the sentence "`username` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// The name is empty, or its folded form is longer than 128 characters.
    #[error("must be 1 to 128 characters long")]
    Length,
    /// The name has a character that RFC 8265 §3.3 does not allow.
    #[error("must not contain spaces, control characters or symbols outside ASCII")]
    Character,
    /// The name breaks the bidi rule (RFC 5893 §2).
    #[error("must not mix letters written from left to right and from right to left")]
    Direction,
}

impl Username {
    /// Parses a user name of 1 to 128 characters.
    ///
    /// # Errors
    /// Every variant of [`UsernameError`].
    pub fn parse(typed: &str) -> Result<Self, UsernameError> {
        let folded = username_case_mapped(typed).map_err(|error| match error {
            PrecisError::Empty => UsernameError::Length,
            PrecisError::Character => UsernameError::Character,
            PrecisError::Direction => UsernameError::Direction,
        })?;
        // The folded form counts, because equivalent spellings differ in length.
        if folded.chars().count() > MAX_CHARS {
            return Err(UsernameError::Length);
        }
        Ok(Self { typed: typed.to_owned(), folded })
    }

    /// The name as typed, for display.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The folded name, for comparison and as the key of the stored item.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}
