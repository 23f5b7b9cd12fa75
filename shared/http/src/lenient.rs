//! Members of an event that may be anything: a member of another kind counts as left out.

use serde::{Deserialize, de::IgnoredAny};

/// A value of the kind that is wanted, or one that is ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Lenient<T> {
    /// The value.
    Wanted(T),
    /// Any other JSON.
    Ignored(IgnoredAny),
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self::Ignored(IgnoredAny)
    }
}

impl<T> Lenient<T> {
    /// The value, if it is of the kind that is wanted.
    pub fn get(self) -> Option<T> {
        match self {
            Self::Wanted(value) => Some(value),
            Self::Ignored(_) => None,
        }
    }

    /// The same, borrowed.
    pub const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Wanted(value) => Some(value),
            Self::Ignored(_) => None,
        }
    }
}
