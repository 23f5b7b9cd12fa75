//! What counts as a new password.

mod filter;
mod forms;
mod runs;
mod words;

use secrecy::SecretString;

pub use self::filter::{FilterBuilder, FilterError};
use self::{forms::Text, words::Words};
use crate::password::{Password, PasswordError};

/// What new passwords have to be. There are no composition rules (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_chars: usize,
    /// The names of the product and of the service.
    own: Words,
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
    /// It is in the filter of common passwords, or mostly the product's or the issuer's name,
    /// repetitions or sequences.
    TooCommon,
    /// It is mostly the user name or the local part of the e-mail address.
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

impl NewPasswordError {
    /// The codes of the weaknesses, in the API's words; none for a text that cannot be a password.
    pub fn codes(&self) -> Vec<&'static str> {
        let Self::Weak(weaknesses) = self else { return Vec::new() };
        weaknesses.iter().map(|weakness| weakness.code()).collect()
    }
}

impl Weakness {
    /// The code in the API's words.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::TooCommon => "too_common",
            Self::ContainsUsername => "contains_username",
            Self::Unchanged => "unchanged",
        }
    }
}

impl PasswordPolicy {
    /// A policy that asks for at least `min_chars` characters.
    pub fn new(min_chars: usize) -> Self {
        Self { min_chars, own: Words::of_name("latchkey") }
    }

    /// The same policy for the service whose tokens `issuer` names: the labels of its host are as
    /// easy to guess as the product's name.
    #[must_use]
    pub fn with_issuer(mut self, issuer: &str) -> Self {
        self.own.add_host_of(issuer);
        self
    }

    /// The least number of characters.
    pub const fn min_chars(&self) -> usize {
        self.min_chars
    }

    /// Checks a password for the account that goes by `names`: the folded user name, and the e-mail
    /// address if there is one.
    ///
    /// # Errors
    /// [`NewPasswordError::Weak`] with every weakness that was found, or
    /// [`NewPasswordError::Unusable`] when it is empty or has control characters.
    pub fn accept(
        &self,
        text: &SecretString,
        names: &[&str],
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
        let weaknesses = self.weaknesses(password.expose(), names);
        if weaknesses.is_empty() {
            Ok(NewPassword(password))
        } else {
            Err(NewPasswordError::Weak(weaknesses))
        }
    }

    fn weaknesses(&self, password: &str, names: &[&str]) -> Vec<Weakness> {
        let text = Text::new(password);
        let mut owner = Words::default();
        for name in names {
            owner.add_name(name);
        }
        let (own, owner) = (self.own.mark(&text), owner.mark(&text));
        let (is_own, is_owner) = (text.is_mostly(&own), text.is_mostly(&owner));
        let both = own.or(&owner);
        let is_of_both = !is_own && !is_owner && text.is_mostly(&both);
        let is_common = text.is_mostly_runs()
            || is_own
            || is_of_both && own.any()
            || text.lookups(password, &both).iter().any(|form| filter::is_common(form));
        let contains_name =
            is_owner || is_of_both && owner.any() || words::is_part_of(&text, names);
        [
            (password.chars().count() < self.min_chars, Weakness::TooShort),
            (is_common, Weakness::TooCommon),
            (contains_name, Weakness::ContainsUsername),
        ]
        .into_iter()
        .filter_map(|(is_weak, weakness)| is_weak.then_some(weakness))
        .collect()
    }
}

impl NewPassword {
    /// The password itself.
    pub const fn as_password(&self) -> &Password {
        &self.0
    }
}

#[cfg(test)]
mod tests;
