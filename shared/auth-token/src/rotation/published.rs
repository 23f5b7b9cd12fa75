//! What everybody may know of a ring.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::private::SECRET;
use crate::{
    error::KeyError,
    jwk::{Mark, MarkedKey, PublicJwk},
    timestamp::Timestamp,
    verifying::{VerifyingKey, VerifyingKeys, public_keys},
};

/// What a key of a ring does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It signs.
    Current,
    /// It is published and does not sign yet, so that every verifier knows it when it does.
    Next,
    /// It signs no more, and verifies until the last of its tokens has surely expired.
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
    /// The public key, under the name that tokens call it by.
    #[serde(flatten)]
    pub jwk: PublicJwk,
    /// What it does in its ring.
    pub state: KeyState,
    /// Since when it has that state; `None` for a key that an operator has brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when a previous key verifies, at which the last of its tokens has surely expired; `None`
    /// for the others, and for a key that an operator has brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl PublishedKey {
    /// Whether it is a replaced key that verifies no more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// `None` for a secret, which nobody may publish.
    fn new(key: &VerifyingKey, state: KeyState, since: Option<Timestamp>) -> Option<Self> {
        Some(Self { jwk: key.jwk()?.clone(), state, since, until: key.until() })
    }

    /// What is left of a key that signs no more.
    pub(super) fn previous(key: MarkedKey) -> Result<Self, KeyError> {
        let since = key.mark.since;
        let public = key.into_verifying()?;
        Self::new(&public, KeyState::Previous, since).ok_or(KeyError::BadRing(SECRET))
    }

    /// The key as a previous one. One that has been replaced before keeps its times.
    pub(super) fn replaced(self, now: Timestamp, retired_at: Timestamp) -> Self {
        if self.state == KeyState::Previous && self.until.is_some() {
            return self;
        }
        Self { state: KeyState::Previous, since: Some(now), until: Some(retired_at), ..self }
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
        let read = |(key, mark): (VerifyingKey, Mark)| {
            mark.state.and_then(|state| PublishedKey::new(&key, state, mark.since))
        };
        let keys: Option<_> = public_keys(json)?.into_iter().map(read).collect();
        keys.map(|keys| Self { keys }).ok_or(KeyError::BadRing("the keys have no `state`"))
    }

    /// The key of that name.
    pub fn find(&self, kid: &str) -> Option<&PublishedKey> {
        self.keys.iter().find(|key| key.jwk.kid == kid)
    }

    /// The key in that state; of several previous ones the newest.
    pub fn in_state(&self, state: KeyState) -> Option<&PublishedKey> {
        self.keys.iter().find(|key| key.state == state)
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

/// What operators are told of a ring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingReport {
    /// The published keys, or the secret's where those cannot be read.
    #[serde(flatten)]
    pub ring: PublishedRing,
    /// Whether the secret holds the private halves of just these keys. If not, a rotation is under
    /// way or was interrupted, and the keys' states do not tell which one signs.
    pub agree: bool,
    /// The name of the key that signs, which the secret knows; `None` when it holds no readable
    /// ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<String>,
    /// After how many seconds every function has read a change.
    pub max_age: u64,
    /// What is wrong with the secret or with what is published, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}
