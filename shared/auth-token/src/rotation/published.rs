//! What everybody may know of a ring.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{error::KeyError, jwk::PublicJwk, timestamp::Timestamp, verifying::VerifyingKeys};

/// What a key of a ring does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It signs.
    Current,
    /// It is published and does not sign yet, so that every verifier knows it when it does.
    Next,
    /// It signs no more, and verifies until its last token has expired.
    Previous,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
        })
    }
}

/// The public half of a ring's key, and what the key does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedKey {
    /// The key.
    #[serde(flatten)]
    pub jwk: PublicJwk,
    /// What it does.
    pub state: KeyState,
    /// Since when.
    pub since: Timestamp,
    /// When the last token of a previous key has expired; `None` for the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl PublishedKey {
    /// The key as a previous one. One that has been replaced before keeps its times.
    pub(super) fn replaced(self, now: Timestamp, retired_at: Timestamp) -> Self {
        if self.state == KeyState::Previous && self.until.is_some() {
            return self;
        }
        Self { state: KeyState::Previous, since: now, until: Some(retired_at), ..self }
    }
}

/// The public halves of a ring: what verifiers read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedRing {
    /// The keys: current, next, previous.
    pub keys: Vec<PublishedKey>,
}

impl PublishedRing {
    /// Reads what [`PublishedRing::to_json`] has written.
    ///
    /// # Errors
    /// [`KeyError`]: the whole ring is refused for one bad key, and for one that is private.
    pub fn parse(json: &str) -> Result<Self, KeyError> {
        VerifyingKeys::parse(json)?;
        serde_json::from_str(json)
            .map_err(|_| KeyError::BadRing("a key has no `state`, or no `since`"))
    }

    /// The text that the keys table holds: a JWK set whose keys have a `state`.
    pub fn to_json(&self) -> String {
        json!(self).to_string()
    }

    /// The keys that tokens are accepted from.
    ///
    /// # Errors
    /// [`KeyError`] for keys that are none.
    pub fn verifying_keys(&self) -> Result<VerifyingKeys, KeyError> {
        VerifyingKeys::parse(&self.to_json())
    }
}
