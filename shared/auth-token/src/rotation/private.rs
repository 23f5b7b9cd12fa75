//! The private keys of a ring.

use serde_json::{Map, Value, json};

use super::{KeyState, PublishedKey};
use crate::{
    algorithm::Algorithm, error::KeyError, jwk::PublicJwk, signing::SigningKey,
    timestamp::Timestamp,
};

/// A private key as it is written, with the half that may be shown.
#[derive(Clone)]
pub(super) struct PrivateJwk {
    pub(super) members: Map<String, Value>,
    pub(super) public: PublicJwk,
    pub(super) since: Timestamp,
}

pub(super) fn is_publishable(algorithm: Algorithm) -> Result<(), KeyError> {
    if algorithm.has_public_half() {
        Ok(())
    } else {
        Err(KeyError::BadRing("a shared secret cannot be published"))
    }
}

impl PrivateJwk {
    pub(super) fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Self, KeyError> {
        is_publishable(algorithm)?;
        let members = SigningKey::generate_jwk(algorithm)?;
        let public = serde_json::from_value(Value::Object(members.clone()))
            .map_err(|_| KeyError::Generation)?;
        Ok(Self { members, public, since: now })
    }

    pub(super) fn promoted(self, now: Timestamp) -> Self {
        Self { since: now, ..self }
    }

    pub(super) fn published(&self, state: KeyState) -> PublishedKey {
        PublishedKey { jwk: self.public.clone(), state, since: self.since, until: None }
    }

    pub(super) fn written(&self, state: KeyState) -> Map<String, Value> {
        let mut members = self.members_of_a_set();
        members.insert("state".to_owned(), json!(state));
        members.insert("since".to_owned(), json!(self.since));
        members
    }

    /// The key without what is said of it in its ring.
    pub(super) fn members_of_a_set(&self) -> Map<String, Value> {
        let mut members = self.members.clone();
        members.retain(|name, _| !["state", "since", "until"].contains(&name.as_str()));
        members
    }
}
