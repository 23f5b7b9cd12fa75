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

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> String {
        Password::parse(&SecretString::from(text)).unwrap().expose().to_owned()
    }

    #[test]
    fn composition_and_kinds_of_space_are_folded_and_nothing_else_is() {
        assert_eq!(prepared("cafe\u{301}\u{a0}x"), prepared("café x"));
        assert_ne!(prepared("Password"), prepared("password"));
        assert_ne!(prepared("ｆull"), prepared("full"));
        assert_ne!(prepared(" padded "), prepared("padded"));
    }

    #[test]
    fn up_to_256_characters_pass_unshortened_however_many_bytes_they_take() {
        let text = "😀".repeat(MAX_PASSWORD_CHARS);
        assert_eq!(prepared(&text), text);
        let longer = SecretString::from(format!("{text}😀"));
        assert_eq!(Password::parse(&longer).unwrap_err(), PasswordError::TooLong);
    }

    #[test]
    fn control_characters_are_refused_rather_than_dropped() {
        for text in ["abc\0defgh", "abc\ndefgh", "abc\u{7f}defgh"] {
            let text = SecretString::from(text);
            assert_eq!(Password::parse(&text).unwrap_err(), PasswordError::Character);
        }
    }

    #[test]
    fn composed_and_decomposed_spellings_are_as_long_as_each_other() {
        let (composed, decomposed) = ("가".repeat(256), "\u{1100}\u{1161}".repeat(256));
        assert_eq!(prepared(&decomposed), composed);
        let longer = SecretString::from(format!("{decomposed}\u{1100}\u{1161}"));
        assert_eq!(Password::parse(&longer).unwrap_err(), PasswordError::TooLong);
    }

    #[test]
    fn emoji_with_joiners_variation_selectors_and_tags_are_kept() {
        for text in ["👩🏽‍🚀🏳️‍🌈❤️", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "1️⃣2️⃣"]
        {
            assert_eq!(prepared(text), text);
        }
    }

    #[test]
    fn characters_newer_than_the_tables_pass_and_do_not_hide_others() {
        assert_eq!(prepared("🤣\u{a0}🪸cafe\u{301}"), "🤣 🪸café");
        let hidden = SecretString::from("🪸🪸🪸🪸\0🪸🪸🪸🪸");
        assert_eq!(Password::parse(&hidden).unwrap_err(), PasswordError::Character);
    }

    #[test]
    fn a_password_does_not_print() {
        let password = Password::parse(&SecretString::from("correct horse")).unwrap();
        assert!(!format!("{password:?}").contains("horse"));
    }
}
