//! The environment, and how one variable is read.

use std::{
    env::{self, VarError},
    time::Duration,
};

use latchkey_http::LogSettings;
use tracing::Level;

use crate::variables::{SECTIONS, Values, Variable};

/// Why a function does not start: one sentence that names the variable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

/// The variables that settings are read from.
#[expect(missing_debug_implementations, reason = "there are secrets in it")]
pub struct Environment<'a>(Box<dyn Fn(&'static str) -> Option<String> + 'a>);

impl<'a> Environment<'a> {
    /// Variables by name; `None` for one that is not set.
    pub fn new(get: impl Fn(&'static str) -> Option<String> + 'a) -> Self {
        Self(Box::new(get))
    }

    /// The variables of this process.
    ///
    /// # Errors
    /// When one is not text.
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
    pub fn load() -> Result<Self, ConfigError> {
        let is_no_text = |name| matches!(env::var(name), Err(VarError::NotUnicode(_)));
        let mut variables = SECTIONS.iter().flat_map(|(_, variables)| *variables);
        match variables.find(|variable| is_no_text(variable.name)) {
            Some(variable) => Err(variable.refused("must be text in UTF-8")),
            None => Ok(Self::new(|name| env::var(name).ok())),
        }
    }

    /// The variable's value. An empty one counts as not set, because that is how a template passes
    /// a parameter that was left empty.
    pub(crate) fn optional(&self, variable: &Variable) -> Option<String> {
        (self.0)(variable.name).filter(|value| !value.is_empty())
    }

    /// The variable's value or default.
    pub(crate) fn text(&self, variable: &Variable) -> Result<String, ConfigError> {
        let value = self.optional(variable).or_else(|| variable.default.map(str::to_owned));
        value.ok_or_else(|| variable.refused("is not set"))
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

    pub(crate) fn switch(&self, variable: &Variable) -> Result<bool, ConfigError> {
        match self.text(variable)?.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(variable.invalid()),
        }
    }

    /// A whole number within the variable's bounds.
    pub(crate) fn number<T: TryFrom<u64>>(&self, variable: &Variable) -> Result<T, ConfigError> {
        let number = self.text(variable)?.parse().ok().filter(|number| match variable.values {
            Values::Number(least, most) => (least..=most).contains(number),
            Values::Must(_) => true,
        });
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| variable.invalid())
    }

    pub(crate) fn seconds(&self, variable: &Variable) -> Result<Duration, ConfigError> {
        self.number(variable).map(Duration::from_secs)
    }
}

/// How a function logs. Lambda sets both variables from the function's logging configuration.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
pub fn log_settings() -> LogSettings {
    let value = |name: &str| env::var(name).unwrap_or_default();
    LogSettings {
        json: value("AWS_LAMBDA_LOG_FORMAT").eq_ignore_ascii_case("json"),
        level: value("AWS_LAMBDA_LOG_LEVEL").parse().unwrap_or(Level::INFO),
    }
}
