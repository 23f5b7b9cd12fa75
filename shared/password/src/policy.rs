//! Rules for new passwords.

mod filter;
mod forms;
mod runs;
mod words;

use secrecy::SecretString;

pub use self::filter::{FilterBuilder, FilterError};
use self::{forms::Text, words::Words};
use crate::password::{Password, PasswordError};

/// Rules for new passwords, without composition rules (NIST SP 800-63B-4 §3.1.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    min_chars: usize,
    /// The names of the product and of the service.
    service: Words,
}

/// A password that the policy has accepted for an account.
#[derive(Clone, Debug)]
pub struct NewPassword(Password);

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer characters than the policy requires.
    TooShort,
    /// It has more than [`MAX_PASSWORD_CHARS`](crate::MAX_PASSWORD_CHARS) characters.
    TooLong,
    /// It is in the filter of common passwords, or most of it is the product's or the issuer's
    /// name, repetitions or sequences.
    TooCommon,
    /// Most of it is the user name or the local part of the e-mail address.
    ContainsUsername,
    /// It is the current password.
    Unchanged,
}

/// Why the policy refuses a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewPasswordError {
    /// The text cannot be a password.
    #[error(transparent)]
    Unusable(PasswordError),
    /// The text is a weak password.
    #[error("the password is weak: {0:?}")]
    Weak(Vec<Weakness>),
}

impl NewPasswordError {
    /// The API codes of the weaknesses; empty for [`NewPasswordError::Unusable`].
    pub fn codes(&self) -> Vec<&'static str> {
        let Self::Weak(weaknesses) = self else { return Vec::new() };
        weaknesses.iter().map(|weakness| weakness.code()).collect()
    }
}

impl Weakness {
    /// The code in `reasons` of an API response.
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
    /// A policy that requires at least `min_chars` characters.
    pub fn new(min_chars: usize) -> Self {
        Self { min_chars, service: Words::of_name("latchkey") }
    }

    /// Adds the labels of the issuer's host, which are as easy to guess as the product's name.
    #[must_use]
    pub fn with_issuer(mut self, issuer: &str) -> Self {
        self.service.add_host_of(issuer);
        self
    }

    /// The minimum number of characters.
    pub const fn min_chars(&self) -> usize {
        self.min_chars
    }

    /// Checks a new password. `names` has the account's folded user name and e-mail address.
    ///
    /// # Errors
    /// [`NewPasswordError::Weak`] with all weaknesses, or [`NewPasswordError::Unusable`] if the
    /// text is empty or has control characters.
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
        let mut account = Words::default();
        for name in names {
            account.add_name(name);
        }
        let (service, account) = (self.service.mark(&text), account.mark(&text));
        let (is_service, is_account) = (text.is_mostly(&service), text.is_mostly(&account));
        let both = service.or(&account);
        let is_mixed = !is_service && !is_account && text.is_mostly(&both);
        let is_common = text.is_mostly_runs()
            || is_service
            || is_mixed && service.any()
            || text.lookups(password, &both).iter().any(|form| filter::is_common(form));
        let contains_name =
            is_account || is_mixed && account.any() || words::is_part_of(&text, names);
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
    /// The accepted password.
    pub const fn as_password(&self) -> &Password {
        &self.0
    }
}

#[cfg(test)]
mod tests;
