//! Presented passwords.

use latchkey_precis::opaque_string;
use secrecy::{ExposeSecret, SecretString};

/// The maximum length of a password in characters. Longer ones are refused, never truncated.
pub const MAX_PASSWORD_CHARS: usize = 256;

/// A presented password, prepared as an `OpaqueString` (RFC 8265 §4.2): Unicode spaces become ASCII
/// spaces, the text becomes NFC, case and width stay.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Why a text cannot be a password. The messages complete "`password` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The text is empty.
    #[error("must not be empty")]
    Empty,
    /// The text has more than [`MAX_PASSWORD_CHARS`] characters.
    #[error("must be at most 256 characters long")]
    TooLong,
    /// The text has a control character, or an invisible character that no keyboard produces.
    #[error("must not contain control characters or invisible ones that no keyboard produces")]
    Character,
}

impl Password {
    /// Prepares a text as a password.
    ///
    /// # Errors
    /// Every variant of [`PasswordError`].
    pub fn parse(text: &SecretString) -> Result<Self, PasswordError> {
        let text = text.expose_secret();
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        let prepared = opaque_string(text).map_err(|_| PasswordError::Character)?;
        // The limit applies to the prepared form, because equivalent texts differ in length.
        if prepared.chars().count() > MAX_PASSWORD_CHARS {
            return Err(PasswordError::TooLong);
        }
        Ok(Self(SecretString::from(prepared)))
    }

    /// Whether both passwords are equal. Canonically equivalent texts are equal.
    pub fn is_same(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
