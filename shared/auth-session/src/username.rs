//! User names.

use precis_profiles::{UsernameCaseMapped, precis_core::profile::Profile};

const MAX_CHARS: usize = 128;

/// A user name: as it was typed, and in the form in which names are compared.
///
/// The form is RFC 8265's `UsernameCaseMapped`: case, width and composition are folded; spaces,
/// control characters and symbols are refused. An e-mail address passes.
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
    /// It has a character that RFC 8265 §3.3 does not allow, or mixes directions (RFC 5893 §2).
    #[error("must not contain spaces, control characters or symbols outside ASCII")]
    Character,
}

impl Username {
    /// Takes a user name from text.
    ///
    /// # Errors
    /// [`UsernameError::Length`] and [`UsernameError::Character`].
    pub fn parse(typed: &str) -> Result<Self, UsernameError> {
        if !(1..=MAX_CHARS).contains(&typed.chars().count()) {
            return Err(UsernameError::Length);
        }
        let profile = UsernameCaseMapped::new();
        let fold = |name: &str| profile.enforce(name.to_owned()).map(String::from);
        let folded = fold(typed).map_err(|_| UsernameError::Character)?;
        // A form that folds on would let two spellings of one name pass each other (RFC 8264 §7).
        if fold(&folded).as_ref() != Ok(&folded) {
            return Err(UsernameError::Character);
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
