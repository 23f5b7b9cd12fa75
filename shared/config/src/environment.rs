//! Environment variables and their conversions.

use std::{
    env::{self, VarError},
    time::Duration,
};

use latchkey_http::LogSettings;
use tracing::Level;

use crate::variables::{LOG_LEVEL, SECTIONS, Values, Variable};

/// Why a function does not start: one sentence that names the variable.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

/// A source of environment variables.
#[expect(missing_debug_implementations, reason = "the variables have secrets")]
pub struct Environment<'a>(Box<dyn Fn(&'static str) -> Option<String> + 'a>);

impl<'a> Environment<'a> {
    /// An environment that looks variables up with `get`; `None` is an unset variable.
    pub fn new(get: impl Fn(&'static str) -> Option<String> + 'a) -> Self {
        Self(Box::new(get))
    }

    /// The environment of this process.
    ///
    /// # Errors
    /// A known variable is not UTF-8.
    #[expect(clippy::disallowed_methods, reason = "the only reader of settings")]
    pub fn load() -> Result<Self, ConfigError> {
        let is_not_utf8 = |name| matches!(env::var(name), Err(VarError::NotUnicode(_)));
        let mut variables = SECTIONS.iter().flat_map(|(_, variables)| *variables);
        match variables.find(|variable| is_not_utf8(variable.name)) {
            Some(variable) => Err(variable.refused("must be text in UTF-8")),
            None => Ok(Self::new(|name| env::var(name).ok())),
        }
    }

    /// The variable's value. An empty value counts as unset, because a template passes an empty
    /// parameter like that.
    pub(crate) fn optional(&self, variable: &Variable) -> Option<String> {
        (self.0)(variable.name).filter(|value| !value.is_empty())
    }

    /// The variable's value, or its default.
    pub(crate) fn text(&self, variable: &Variable) -> Result<String, ConfigError> {
        let value = self.optional(variable).or_else(|| variable.default.map(str::to_owned));
        value.ok_or_else(|| variable.refused("is not set"))
    }

    /// As [`Self::text`]. The value must pass the check, or be an empty default.
    pub(crate) fn checked(
        &self,
        variable: &Variable,
        is_valid: impl FnOnce(&str) -> bool,
    ) -> Result<String, ConfigError> {
        let value = self.text(variable)?;
        if value.is_empty() || is_valid(&value) { Ok(value) } else { Err(variable.invalid()) }
    }

    /// The trimmed, non-empty parts between commas.
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

    /// A whole number within the bounds of the variable.
    pub(crate) fn number<T: TryFrom<u64>>(&self, variable: &Variable) -> Result<T, ConfigError> {
        let number = self.text(variable)?.parse().ok().filter(|number| match variable.values {
            Values::Number(least, most) => (least..=most).contains(number),
            Values::Must(_) => true,
        });
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| variable.invalid())
    }

    /// The lowest level of log lines.
    pub(crate) fn log_level(&self) -> Result<Level, ConfigError> {
        match self.text(&LOG_LEVEL)?.as_str() {
            "DEBUG" => Ok(Level::DEBUG),
            "INFO" => Ok(Level::INFO),
            "WARN" => Ok(Level::WARN),
            "ERROR" => Ok(Level::ERROR),
            _ => Err(LOG_LEVEL.invalid()),
        }
    }

    pub(crate) fn seconds(&self, variable: &Variable) -> Result<Duration, ConfigError> {
        self.number(variable).map(Duration::from_secs)
    }
}

/// The log format, which Lambda sets from the function's logging configuration, and the level.
///
/// # Errors
/// When `LOG_LEVEL` is not a level.
#[expect(clippy::disallowed_methods, reason = "the only reader of the log format")]
pub fn log_settings() -> Result<LogSettings, ConfigError> {
    let format = env::var("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    let level = Environment::new(|name| env::var(name).ok()).log_level()?;
    Ok(LogSettings { json: format.eq_ignore_ascii_case("json"), level })
}
