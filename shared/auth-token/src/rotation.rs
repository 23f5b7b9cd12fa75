//! Rings that rotate: next, current, previous, gone.

mod policy;
mod private;
mod published;

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

pub use policy::KeyPolicy;
use private::PrivateJwk;
pub use published::{KeyState, PublishedKey, PublishedRing, RingReport};

use crate::{
    error::{KeyError, RandomnessError},
    id::OperationId,
    jwk::KeySet,
    timestamp::Timestamp,
};

/// More replaced keys are not kept. A secret holds 64 KB, and a public RSA key with what is said
/// of it takes half of one.
const MAX_PREVIOUS: usize = 50;

/// A ring as it is kept secret: two private keys, and the public halves of those before them.
#[derive(Clone)]
pub struct SigningRing {
    derived_from: Option<String>,
    current: PrivateJwk,
    next: Option<PrivateJwk>,
    previous: Vec<PublishedKey>,
}

impl SigningRing {
    /// Reads the ring that [`SigningRing::to_secret`] has written, or a JWK set of an operator's:
    /// its first key is the current one, the others verify. `None` for a set without keys, in
    /// whose place a first ring may be made.
    ///
    /// # Errors
    /// [`KeyError`]: the whole ring is refused for one bad key, and for keys that cannot be
    /// published.
    pub fn parse(secret: &SecretString) -> Result<Option<Self>, KeyError> {
        let KeySet { derived_from, keys } = KeySet::parse(secret.expose_secret())?;
        let mut keys = keys.into_iter();
        let Some(first) = keys.next() else { return Ok(None) };
        let current = PrivateJwk::of(first)?.ok_or(KeyError::NoSigningKey)?;
        let (mut next, mut previous) = (None, Vec::new());
        for key in keys {
            if key.mark.state == Some(KeyState::Next) {
                let missing = KeyError::BadRing("the `next` key is not a private one");
                next = Some(PrivateJwk::of(key)?.ok_or(missing)?);
            } else {
                previous.push(PublishedKey::previous(key)?);
            }
        }
        Ok(Some(Self { derived_from, current, next, previous }))
    }

    /// The first ring of a deployment, or the one after a ring that was lost: keys that are
    /// `published` and may have signed go on verifying. `version` is the secret's, if it has one.
    ///
    /// # Errors
    /// [`KeyError::Generation`], and [`KeyError::BadRing`] for an algorithm whose keys have no
    /// public half.
    pub fn first(
        version: Option<&str>,
        published: &PublishedRing,
        policy: KeyPolicy,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let retired_at = policy.last_expiry(now);
        let previous = published
            .keys
            .iter()
            .filter(|key| key.state != KeyState::Next)
            .map(|key| key.clone().replaced(now, retired_at))
            .collect();
        let ring = Self {
            derived_from: version.map(str::to_owned),
            current: PrivateJwk::generate(policy.algorithm, now)?,
            next: Some(PrivateJwk::generate(policy.algorithm, now)?),
            previous,
        };
        Ok(ring.without_expired(now))
    }

    /// The ring after this one, which is the version `version` of its secret: the next key signs,
    /// the current one verifies until the last of its tokens has surely expired, and there is a new
    /// next key. Where there was no next key nothing is known to verifiers that could sign, and the
    /// current one goes on.
    ///
    /// # Errors
    /// As [`SigningRing::first`], and [`KeyError::TooManyPrevious`].
    pub fn rotated(
        self,
        version: &str,
        policy: KeyPolicy,
        now: Timestamp,
    ) -> Result<Self, KeyError> {
        let retired_at = policy.last_expiry(now);
        let replaced = self.previous.into_iter().map(|key| key.replaced(now, retired_at)).collect();
        let mut ring = Self {
            derived_from: Some(version.to_owned()),
            current: self.current,
            next: Some(PrivateJwk::generate(policy.algorithm, now)?),
            previous: replaced,
        };
        if let Some(next) = self.next {
            let current = std::mem::replace(&mut ring.current, next.promoted(now));
            let replaced = current.published(KeyState::Current).replaced(now, retired_at);
            ring.previous.insert(0, replaced);
        }
        let ring = ring.without_expired(now);
        // A ring that was lost, or that loses a key, is not the moment to ask for patience.
        if ring.previous.len() > MAX_PREVIOUS {
            return Err(KeyError::TooManyPrevious(MAX_PREVIOUS));
        }
        Ok(ring)
    }

    /// The ring without the key `kid`, which nobody shall trust any more; `None` when it has no
    /// such key. In place of the current key the next one signs at once.
    ///
    /// # Errors
    /// As [`SigningRing::first`].
    pub fn without(
        self,
        kid: &str,
        version: &str,
        policy: KeyPolicy,
        now: Timestamp,
    ) -> Result<Option<Self>, KeyError> {
        if self.published().find(kid).is_none() {
            return Ok(None);
        }
        let generate = || PrivateJwk::generate(policy.algorithm, now);
        let is_gone = |key: &PrivateJwk| key.kid() == kid;
        let next = self.next.filter(|next| !is_gone(next));
        let (current, next) = match (is_gone(&self.current), next) {
            (false, Some(next)) => (self.current, next),
            (false, None) => (self.current, generate()?),
            (true, Some(next)) => (next.promoted(now), generate()?),
            (true, None) => (generate()?, generate()?),
        };
        let previous = self.previous.into_iter().filter(|key| key.jwk.kid != kid).collect();
        let derived_from = Some(version.to_owned());
        let ring = Self { derived_from, current, next: Some(next), previous };
        Ok(Some(ring.without_expired(now)))
    }

    /// The same keys once more, after the version `version`: whatever was made from that one is
    /// overtaken.
    #[must_use]
    pub fn reissued(self, version: &str) -> Self {
        Self { derived_from: Some(version.to_owned()), ..self }
    }

    fn without_expired(mut self, now: Timestamp) -> Self {
        self.previous.retain(|key| !key.is_over(now));
        self
    }

    /// A name for a version of the secret, as long as Secrets Manager wants them: 32 to 64
    /// characters.
    ///
    /// # Errors
    /// [`RandomnessError`].
    pub fn new_version() -> Result<String, RandomnessError> {
        Ok(format!("{}{}", OperationId::generate()?, OperationId::generate()?))
    }

    /// The version of the secret that this ring was made from; `None` for an operator's.
    pub fn derived_from(&self) -> Option<&str> {
        self.derived_from.as_deref()
    }

    /// When its next key was made, which each rotation does; `None` where there is none.
    pub fn made_at(&self) -> Option<Timestamp> {
        self.next.as_ref().and_then(PrivateJwk::since)
    }

    /// The name of the key that signs.
    pub fn current_kid(&self) -> &str {
        self.current.kid()
    }

    /// What verifiers are given: the public halves of all keys.
    pub fn published(&self) -> PublishedRing {
        let current = std::iter::once(self.current.published(KeyState::Current));
        let next = self.next.iter().map(|next| next.published(KeyState::Next));
        PublishedRing { keys: current.chain(next).chain(self.previous.iter().cloned()).collect() }
    }

    /// The text that the secret holds.
    pub fn to_secret(&self) -> SecretString {
        let private = |key: &PrivateJwk, state| Value::Object(key.written(state));
        let next = self.next.iter().map(|next| private(next, KeyState::Next));
        let keys: Vec<_> = std::iter::once(private(&self.current, KeyState::Current))
            .chain(next)
            .chain(self.previous.iter().map(|key| json!(key)))
            .collect();
        let mut ring = Map::new();
        if let Some(version) = &self.derived_from {
            ring.insert("derived_from".to_owned(), version.as_str().into());
        }
        ring.insert("keys".to_owned(), keys.into());
        SecretString::from(Value::Object(ring).to_string())
    }

    /// Has each private key sign, and what is `published` under its name verify.
    ///
    /// # Errors
    /// [`KeyError::NotPublished`] names a key whose halves do not belong together, or a previous
    /// key that is not published.
    pub fn prove(&self, published: &PublishedRing) -> Result<(), KeyError> {
        let verifying = published.verifying_keys()?;
        for key in std::iter::once(&self.current).chain(&self.next) {
            let kid = key.kid();
            let not_published = || KeyError::NotPublished(kid.to_owned());
            let signing = key.signing_key()?;
            let signature = signing.sign(PROBE).map_err(|_| not_published())?;
            let found = verifying.find(kid).filter(|found| {
                found.algorithm() == signing.public().algorithm()
                    && found.verifies(PROBE.as_bytes(), &signature)
            });
            found.ok_or_else(not_published)?;
        }
        match self.previous.iter().find(|key| !published.keys.contains(key)) {
            Some(missing) => Err(KeyError::NotPublished(missing.jwk.kid.clone())),
            None => Ok(()),
        }
    }
}

/// What keys sign to show that they can. It is no token, and nobody takes it for one.
const PROBE: &str = "latchkey";

/// Written by hand so that no later field can print a private key.
impl fmt::Debug for SigningRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningRing")
            .field("derived_from", &self.derived_from)
            .field("published", &self.published())
            .finish_non_exhaustive()
    }
}
