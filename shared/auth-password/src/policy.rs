//! What counts as a new password.

use secrecy::SecretString;
use zxcvbn::{Score, matching::patterns::MatchPattern, zxcvbn};

use crate::password::{Password, PasswordError};

/// A shorter name is part of too many words to say anything about a password.
const MIN_NAME_CHARS: usize = 3;

/// What new passwords have to be. There are no composition rules (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The least number of characters.
    pub min_chars: usize,
}

/// A password that was accepted for an account.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer characters than the policy asks for.
    TooShort,
    /// It has more characters than are ever accepted.
    TooLong,
    /// It is a word, a name or a password of `zxcvbn`'s lists (plain, reversed or with digits for
    /// letters), or falls to a thousand guesses.
    TooCommon,
    /// The user name is part of it.
    ContainsUsername,
    /// It is the current password.
    Unchanged,
}

/// Why a text is not accepted as a new password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewPasswordError {
    /// It cannot be a password at all.
    #[error(transparent)]
    Unusable(PasswordError),
    /// It could be one but should not.
    #[error("the password is weak: {0:?}")]
    Weak(Vec<Weakness>),
}

impl PasswordPolicy {
    /// Checks a password for the account whose folded user name is `username`.
    ///
    /// # Errors
    /// [`NewPasswordError::Weak`] with every weakness that was found, or
    /// [`NewPasswordError::Unusable`] when it is empty or has control characters.
    pub fn accept(
        &self,
        text: &SecretString,
        username: &str,
    ) -> Result<NewPassword, NewPasswordError> {
        let password = match Password::parse(text) {
            Ok(password) => password,
            Err(PasswordError::TooLong) => {
                return Err(NewPasswordError::Weak(vec![Weakness::TooLong]));
            }
            Err(unusable @ (PasswordError::Empty | PasswordError::Character)) => {
                return Err(NewPasswordError::Unusable(unusable));
            }
        };
        let text = password.expose();
        let weaknesses: Vec<_> = [
            (text.chars().count() < self.min_chars, Weakness::TooShort),
            (is_common(text), Weakness::TooCommon),
            (contains_name(text, username), Weakness::ContainsUsername),
        ]
        .into_iter()
        .filter_map(|(is_weak, weakness)| is_weak.then_some(weakness))
        .collect();
        if weaknesses.is_empty() {
            Ok(NewPassword(password))
        } else {
            Err(NewPasswordError::Weak(weaknesses))
        }
    }
}

impl NewPassword {
    /// The password itself.
    pub const fn as_password(&self) -> &Password {
        &self.0
    }
}

fn is_common(text: &str) -> bool {
    let strength = zxcvbn(text, &[]);
    let is_one_word = matches!(
        strength.sequence(),
        [only] if matches!(only.pattern, MatchPattern::Dictionary(_))
    );
    is_one_word || strength.score() == Score::Zero
}

fn contains_name(text: &str, username: &str) -> bool {
    username.chars().count() >= MIN_NAME_CHARS && text.to_lowercase().contains(username)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy = PasswordPolicy { min_chars: 8 };

    fn weaknesses(text: &str, username: &str) -> Vec<Weakness> {
        match POLICY.accept(&SecretString::from(text), username) {
            Ok(_) => Vec::new(),
            Err(NewPasswordError::Weak(weaknesses)) => weaknesses,
            Err(unusable @ NewPasswordError::Unusable(_)) => panic!("{unusable}"),
        }
    }

    #[test]
    fn the_minimum_counts_characters_and_not_bytes() {
        assert!(weaknesses("ünïcödé", "bob").contains(&Weakness::TooShort));
        assert_eq!(weaknesses("ünïcödé!", "bob"), []);
    }

    #[test]
    fn passwords_without_digits_capitals_or_letters_are_accepted() {
        for text in ["qhxvbznwpfjkduc", "🦀🐚🌊🏝🧭⚓🐙🪸", "        xq vd kz"] {
            assert_eq!(weaknesses(text, "bob"), [], "{text}");
        }
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_reversed_and_with_digits_for_letters() {
        for text in
            ["password", "PassWord", "drowssap", "p4ssw0rd", "12345678", "qwertyuiop", "trustno1"]
        {
            assert_eq!(weaknesses(text, "bob"), [Weakness::TooCommon], "{text}");
        }
        assert_eq!(weaknesses("aaaaaaaaaaaa", "bob"), [Weakness::TooCommon]);
    }

    #[test]
    fn a_password_with_the_user_name_in_it_is_refused_in_any_case() {
        assert_eq!(weaknesses("xx-Margarete-xx", "margarete"), [Weakness::ContainsUsername]);
        assert_eq!(weaknesses("vq-a-zx-77-kw", "a"), [], "a name of one letter proves nothing");
    }

    #[test]
    fn every_weakness_is_named() {
        let found = weaknesses("bob", "bob");
        assert_eq!(found, [Weakness::TooShort, Weakness::TooCommon, Weakness::ContainsUsername]);
        assert_eq!(weaknesses(&"x1".repeat(129), "bob"), [Weakness::TooLong]);
    }
}
