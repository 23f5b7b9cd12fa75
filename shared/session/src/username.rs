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

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(typed: &str) -> String {
        Username::parse(typed).unwrap().folded
    }

    #[test]
    fn names_that_differ_in_case_width_or_composition_are_one_name() {
        assert_eq!(folded("Alice"), "alice");
        assert_eq!(folded("ＡＬＩＣＥ"), "alice");
        assert_eq!(folded("e\u{301}ric"), folded("Éric"));
    }

    #[test]
    fn the_typed_form_is_kept() {
        assert_eq!(Username::parse("Alice").unwrap().typed(), "Alice");
    }

    #[test]
    fn an_email_address_is_a_user_name() {
        assert_eq!(folded("Alice+shop@Example.com"), "alice+shop@example.com");
    }

    #[test]
    fn names_of_other_scripts_stay_distinct() {
        assert_ne!(folded("аlice"), folded("alice"), "a Cyrillic letter is another letter");
    }

    #[test]
    fn names_outside_1_to_128_characters_are_refused() {
        assert_eq!(Username::parse(""), Err(UsernameError::Length));
        assert_eq!(Username::parse(&"x".repeat(129)), Err(UsernameError::Length));
        assert!(Username::parse("x").is_ok());
        assert!(Username::parse(&"ü".repeat(128)).is_ok());
        assert!(Username::parse(&"u\u{308}".repeat(128)).is_ok(), "as long as its composed form");
    }

    #[test]
    fn letters_newer_than_unicode_6_3_are_letters() {
        for name in ["\u{2cd02}明", "王\u{9fcd}", "\u{13a0}\u{13b3}"] {
            assert!(Username::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn composed_and_decomposed_spellings_of_every_script_are_one_name() {
        assert_eq!(folded("\u{1112}\u{1161}\u{11ab}글"), folded("한글"));
        assert_eq!(folded("\u{958}"), folded("\u{915}\u{93c}"));
        assert_eq!(folded("\u{212b}ngström"), "ångström");
    }

    #[test]
    fn a_capital_sigma_at_the_end_of_a_word_becomes_a_final_one() {
        assert_eq!(folded("ΓΙΩΡΓΟΣ"), "γιωργος");
    }

    #[test]
    fn a_name_that_mixes_directions_is_refused_with_that_reason() {
        assert_eq!(Username::parse("שלוםhello"), Err(UsernameError::Direction));
        assert!(Username::parse("שלום1").is_ok());
    }

    #[test]
    fn invisible_and_disallowed_characters_are_refused() {
        for character in [
            ' ',
            '\t',
            '\n',
            '\0',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{feff}',
            '\u{e0001}',
            '\u{fffd}',
            '😀',
        ] {
            let name = format!("al{character}ice");
            assert_eq!(Username::parse(&name), Err(UsernameError::Character), "{name:?}");
        }
    }

    #[test]
    fn text_that_means_something_elsewhere_is_an_ordinary_name() {
        for name in [":v", "#n", "{\"S\":\"x\"}", "<script>", "__proto__", "null", "${jndi:x}"] {
            assert!(Username::parse(name).is_ok(), "{name}");
        }
    }
}
