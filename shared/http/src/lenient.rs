//! Event members that may have any type: a member of an unexpected type counts as missing.

use serde::{Deserialize, de::IgnoredAny};

/// A value of the expected type, or any other JSON, which is ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Lenient<T> {
    /// A value of the expected type.
    Wanted(T),
    /// A missing member, or JSON of another type.
    Ignored(IgnoredAny),
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self::Ignored(IgnoredAny)
    }
}

impl<T> Lenient<T> {
    /// The value, if it has the expected type.
    pub fn get(self) -> Option<T> {
        match self {
            Self::Wanted(value) => Some(value),
            Self::Ignored(_) => None,
        }
    }

    /// The borrowed value, if it has the expected type.
    pub const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Wanted(value) => Some(value),
            Self::Ignored(_) => None,
        }
    }
}
