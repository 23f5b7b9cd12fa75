//! The environment, and how one variable is read.

use std::{
    env::{self, VarError},
    fmt,
    time::Duration,
};

use crate::variables::{SECTIONS, Unset, Values, Variable};

/// Why a function does not start: one sentence that names the variable.
#[derive(PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

/// `main` prints an error in this form, and a person reads it.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The variables that settings are read from.
#[expect(missing_debug_implementations, reason = "there are secrets in it")]
pub struct Environment<'a>(Box<dyn Fn(&'static str) -> Option<String> + 'a>);

#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
fn variable(name: &str) -> Result<String, VarError> {
    env::var(name)
}

impl<'a> Environment<'a> {
    /// Variables by name; `None` for one that is not set.
    pub fn new(get: impl Fn(&'static str) -> Option<String> + 'a) -> Self {
        Self(Box::new(get))
    }

    /// The variables of this process.
    ///
    /// # Errors
    /// When one is not text.
    pub fn load() -> Result<Self, ConfigError> {
        let is_no_text = |name| matches!(variable(name), Err(VarError::NotUnicode(_)));
        let mut variables = SECTIONS.iter().flat_map(|(_, variables)| *variables);
        match variables.find(|variable| is_no_text(variable.name)) {
            Some(variable) => Err(variable.refused("must be text in UTF-8")),
            None => Ok(Self::unchecked()),
        }
    }

    /// The same, where a value that is not text counts as not set.
    pub(crate) fn unchecked() -> Self {
        Self::new(|name| variable(name).ok())
    }

    /// The variable's value. An empty one counts as not set, because that is how a template passes
    /// a parameter that was left empty.
    pub(crate) fn optional(&self, variable: &Variable) -> Option<String> {
        self.lookup(variable.name)
    }

    pub(crate) fn lookup(&self, name: &'static str) -> Option<String> {
        self.0(name).filter(|value| !value.is_empty())
    }

    /// The variable's value or default.
    pub(crate) fn text(&self, variable: &Variable) -> Result<String, ConfigError> {
        match (self.optional(variable), &variable.unset) {
            (Some(value), _) => Ok(value),
            (None, Unset::Default(value)) => Ok((*value).to_owned()),
            (None, Unset::Required | Unset::Otherwise(_)) => Err(variable.missing()),
        }
    }

    /// The same for a value that is acceptable, or empty by default.
    pub(crate) fn checked(
        &self,
        variable: &Variable,
        is_acceptable: impl FnOnce(&str) -> bool,
    ) -> Result<String, ConfigError> {
        let value = self.text(variable)?;
        if value.is_empty() || is_acceptable(&value) { Ok(value) } else { Err(variable.invalid()) }
    }

    /// The parts between commas, without the blanks around them.
    pub(crate) fn list(&self, variable: &Variable) -> Result<Vec<String>, ConfigError> {
        let value = self.text(variable)?;
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(parts.map(str::to_owned).collect())
    }

    /// The value that belongs to one of the words, which are compared in any case.
    pub(crate) fn choice<T, const N: usize>(
        &self,
        variable: &Variable,
        choices: [(&str, T); N],
    ) -> Result<T, ConfigError> {
        let value = self.text(variable)?;
        let mut choices = choices.into_iter();
        let found = choices.find(|(word, _)| value.eq_ignore_ascii_case(word));
        found.map(|(_, choice)| choice).ok_or_else(|| variable.invalid())
    }

    pub(crate) fn switch(&self, variable: &Variable) -> Result<bool, ConfigError> {
        self.choice(variable, [("true", true), ("false", false)])
    }

    /// A whole number within the variable's bounds.
    pub(crate) fn number<T: TryFrom<u64>>(&self, variable: &Variable) -> Result<T, ConfigError> {
        let number = self.text(variable)?.parse().ok().filter(|number| match variable.values {
            Values::Number(least, most) => (least..=most).contains(number),
            Values::Any | Values::Must(_) => true,
        });
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| variable.invalid())
    }

    pub(crate) fn seconds(&self, variable: &Variable) -> Result<Duration, ConfigError> {
        self.number(variable).map(Duration::from_secs)
    }
}
