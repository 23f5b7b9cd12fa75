//! Passwords as they arrive.

use latchkey_precis::opaque_string;
use secrecy::{ExposeSecret, SecretString};

/// The longest password. Nothing is ever cut off: a longer one is refused.
pub const MAX_PASSWORD_CHARS: usize = 256;

/// A presented password, prepared as RFC 8265 §4.2 (`OpaqueString`) has it: Unicode spaces become
/// ASCII ones, composition is folded (NFC), case and width are kept.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Why a text cannot be a password at all. The sentences complete "`password` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It has no characters.
    #[error("must not be empty")]
    Empty,
    /// It has more than [`MAX_PASSWORD_CHARS`] characters.
    #[error("must be at most 256 characters long")]
    TooLong,
    /// It has a control character, or another invisible one that no keyboard produces.
    #[error("must not contain control characters or invisible ones that no keyboard produces")]
    Character,
}

impl Password {
    /// Takes a password from text.
    ///
    /// # Errors
    /// Every variant of [`PasswordError`].
    pub fn parse(text: &SecretString) -> Result<Self, PasswordError> {
        let text = text.expose_secret();
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        let prepared = opaque_string(text).map_err(|_| PasswordError::Character)?;
        // The prepared form is measured, because equivalent spellings differ in length.
        if prepared.chars().count() > MAX_PASSWORD_CHARS {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(SecretString::from(prepared)))
    }

    /// Whether both are one password: spellings that are canonically equivalent are.
    pub fn is_same(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
