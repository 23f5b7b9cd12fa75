//! The private keys of a ring.

use serde_json::{Map, Value, json};

use super::{KeyState, PublishedKey};
use crate::{
    algorithm::Algorithm,
    error::KeyError,
    jwk::{FLASK, Jwk, MarkedKey, PrivateParameters, PublicJwk},
    signing::{SigningKey, generate, members},
    timestamp::Timestamp,
};

/// Why a secret is in no ring.
pub(super) const SECRET: &str = "a shared secret cannot be published";

/// A private key whose halves belong together.
#[derive(Clone)]
pub(super) struct PrivateJwk {
    algorithm: Algorithm,
    parameters: PrivateParameters,
    public: PublicJwk,
    since: Option<Timestamp>,
}

impl PrivateJwk {
    pub(super) fn generate(algorithm: Algorithm, now: Timestamp) -> Result<Self, KeyError> {
        let (kid, parameters) = generate(algorithm)?;
        Self::new(kid, algorithm, parameters, Some(now))
    }

    /// `None` for a public key.
    pub(super) fn of(key: MarkedKey) -> Result<Option<Self>, KeyError> {
        match key.key {
            Jwk::Private { kid, algorithm, parameters } => {
                Self::new(kid, algorithm, parameters, key.mark.since).map(Some)
            }
            Jwk::Public { .. } => Ok(None),
            Jwk::Flask(_) => Err(KeyError::BadRing(FLASK)),
        }
    }

    fn new(
        kid: String,
        algorithm: Algorithm,
        parameters: PrivateParameters,
        since: Option<Timestamp>,
    ) -> Result<Self, KeyError> {
        let key = SigningKey::new(kid, algorithm, parameters.clone())?;
        let public = key.public().jwk().cloned().ok_or(KeyError::BadRing(SECRET))?;
        Ok(Self { algorithm, parameters, public, since })
    }

    pub(super) fn kid(&self) -> &str {
        &self.public.kid
    }

    pub(super) const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    pub(super) fn promoted(self, now: Timestamp) -> Self {
        Self { since: Some(now), ..self }
    }

    pub(super) fn published(&self, state: KeyState) -> PublishedKey {
        PublishedKey { jwk: self.public.clone(), state, since: self.since, until: None }
    }

    pub(super) fn signing_key(&self) -> Result<SigningKey, KeyError> {
        SigningKey::new(self.public.kid.clone(), self.algorithm, self.parameters.clone())
    }

    /// The key as the secret holds it.
    pub(super) fn written(&self, state: KeyState) -> Map<String, Value> {
        let mut members = members(self.kid(), self.algorithm, &self.parameters);
        members.insert("state".to_owned(), json!(state));
        members.extend(self.since.map(|since| ("since".to_owned(), json!(since))));
        members
    }
}
