//! Where variables come from, and how one is read.

use std::{
    env::{self, VarError},
    fmt,
    str::FromStr,
};

/// Why a function does not start. The message names the variable.
#[derive(PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set, or empty.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// The variable's value is not one that it can have.
    #[error("{variable} {reason}")]
    Invalid {
        /// The variable.
        variable: &'static str,
        /// What it should have been; completes "`VARIABLE` …".
        reason: String,
    },
    /// The variable's value is no key that can be used.
    #[error("{variable}: {reason}")]
    Key {
        /// The variable.
        variable: &'static str,
        /// What is wrong with the key.
        reason: String,
    },
    /// Two variables contradict each other.
    #[error("{0} and {1} are both set, set one of them")]
    Contradictory(&'static str, &'static str),
    /// A variable's value does not go with another variable's.
    #[error("{variable} {reason}, which {other} is not for")]
    Conflict {
        /// The variable.
        variable: &'static str,
        /// What it says; completes "`VARIABLE` …".
        reason: &'static str,
        /// The other variable.
        other: &'static str,
    },
}

/// `main` prints an error in this form, and a person reads it.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ConfigError {
    pub(crate) fn invalid(variable: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { variable, reason: reason.into() }
    }
}

/// Variables by name.
pub trait Variables {
    /// The variable's value; `None` when it is not set.
    fn get(&self, name: &'static str) -> Option<String>;
}

/// The variables of this process.
#[derive(Clone, Copy, Debug)]
pub struct Environment;

impl Variables for Environment {
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
    fn get(&self, name: &'static str) -> Option<String> {
        env::var(name).ok()
    }
}

impl Environment {
    /// Refuses a value that is not text, which [`Variables::get`] would take for none.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
    pub fn check_text(names: &[&'static str]) -> Result<(), ConfigError> {
        let not_text = |name: &&&str| matches!(env::var(name), Err(VarError::NotUnicode(_)));
        names
            .iter()
            .find(not_text)
            .map_or(Ok(()), |name| Err(ConfigError::invalid(name, "must be text in UTF-8")))
    }
}

impl<F: Fn(&'static str) -> Option<String>> Variables for F {
    fn get(&self, name: &'static str) -> Option<String> {
        self(name)
    }
}

/// The value of a variable; an empty one counts as not set, because that is how a template passes
/// a parameter that was left empty.
pub(crate) fn optional(variables: &impl Variables, name: &'static str) -> Option<String> {
    variables.get(name).filter(|value| !value.is_empty())
}

pub(crate) fn required(
    variables: &impl Variables,
    name: &'static str,
) -> Result<String, ConfigError> {
    optional(variables, name).ok_or(ConfigError::Missing(name))
}

/// The parts of a value between commas, without the blanks around them.
pub(crate) fn list(variables: &impl Variables, name: &'static str) -> Vec<String> {
    let value = optional(variables, name).unwrap_or_default();
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `true` or `false`.
pub(crate) fn flag(
    variables: &impl Variables,
    name: &'static str,
    default: bool,
) -> Result<bool, ConfigError> {
    match optional(variables, name).map(|value| value.to_ascii_lowercase()).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => {
            Err(ConfigError::Invalid { variable: name, reason: "must be true or false".to_owned() })
        }
    }
}

/// A whole number within bounds.
pub(crate) fn number<T>(
    variables: &impl Variables,
    name: &'static str,
    default: T,
    bounds: std::ops::RangeInclusive<T>,
) -> Result<T, ConfigError>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let Some(text) = optional(variables, name) else {
        return Ok(default);
    };
    text.parse().ok().filter(|value| bounds.contains(value)).ok_or_else(|| ConfigError::Invalid {
        variable: name,
        reason: format!("must be a whole number from {} to {}", bounds.start(), bounds.end()),
    })
}
