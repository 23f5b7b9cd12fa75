//! The key ring and its stored form.

use std::{collections::BTreeMap, fmt};

use latchkey_token::{Algorithm, KeyError, KeySet, PublicJwk, SigningKey, Timestamp, VerifyingKey};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{RingError, store::RingItem};

/// The state of a key in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// The key signs and verifies.
    Current,
    /// The key is published but does not sign yet.
    Next,
    /// The key no longer signs. It verifies until its last token has expired.
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

/// The public half of a key, with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingKey {
    /// The public key (RFC 7517 §4).
    #[serde(flatten)]
    pub jwk: PublicJwk,
    /// The state of the key.
    pub state: KeyState,
    /// When the key entered this state.
    pub since: Timestamp,
    /// When a previous key stops verifying; `None` in the other states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A key that an operator has retired: its tokens are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKey {
    /// The `kid` of the key.
    pub kid: String,
    /// When the key was retired.
    pub at: Timestamp,
}

/// The public part of the ring, which verifiers and operators read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicRing {
    /// The keys: current, next, then previous from the newest to the oldest.
    pub keys: Vec<RingKey>,
    /// Retired keys, listed until their last token would have expired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<RetiredKey>,
}

impl PublicRing {
    /// Parses the public attribute of the ring's item.
    ///
    /// # Errors
    /// [`RingError::Invalid`]: one bad key refuses the whole ring.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        Self::read(text).map(|(ring, _)| ring)
    }

    /// Parses the public attribute, and the verifying keys in it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn read(text: &str) -> Result<(Self, Vec<VerifyingKey>), RingError> {
        let invalid = |reason: &str| Err(RingError::Invalid(reason.to_owned()));
        let Ok(ring) = serde_json::from_str::<Self>(text) else {
            return invalid("its keys are not JSON as we write it");
        };
        let count = |state| ring.keys.iter().filter(|key| key.state == state).count();
        if count(KeyState::Current) != 1 || count(KeyState::Next) > 1 {
            return invalid("it must have one current key, and at most one next key");
        }
        for (index, key) in ring.keys.iter().enumerate() {
            let kid = &key.jwk.kid;
            if ring.keys.iter().take(index).any(|other| other.jwk.kid == *kid) {
                return Err(RingError::Invalid(format!("two keys have the id {kid:?}")));
            }
            if ring.retired.iter().any(|retired| retired.kid == *kid) {
                return Err(RingError::Invalid(format!("key {kid:?} is retired")));
            }
            if key.until.is_some() != (key.state == KeyState::Previous) {
                return Err(RingError::Invalid(format!("key {kid:?} has the wrong end")));
            }
        }
        let verifying = ring.verifying_keys()?;
        Ok((ring, verifying))
    }

    /// The public attribute of the ring's item, as [`parse`](Self::parse) reads it.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The key with this `kid`.
    pub fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.jwk.kid == kid)
    }

    /// The key in this state; the newest of several previous keys.
    pub fn in_state(&self, state: KeyState) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.state == state)
    }

    /// The `kid` of the key [`in_state`](Self::in_state).
    pub fn kid(&self, state: KeyState) -> Option<&str> {
        self.in_state(state).map(|key| key.jwk.kid.as_str())
    }

    /// All keys of the ring, for verification. Previous keys have an end.
    ///
    /// # Errors
    /// [`RingError::Invalid`] if the parameters of a key are not valid.
    pub fn verifying_keys(&self) -> Result<Vec<VerifyingKey>, RingError> {
        let read = |key: &RingKey| match VerifyingKey::from_jwk(&key.jwk) {
            Ok(verifying) => Ok(verifying.accepted_until(key.until)),
            Err(refused) => Err(RingError::Invalid(refused.to_string())),
        };
        self.keys.iter().map(read).collect()
    }
}

/// A private half: encrypted by KMS as stored, or newly generated.
#[derive(Clone)]
pub(crate) enum PrivateHalf {
    New(SecretString),
    Sealed(Vec<u8>),
}

/// A new key, which is not in a ring yet.
#[derive(Clone)]
pub struct NewKey {
    pub(crate) jwk: PublicJwk,
    pub(crate) private: SecretString,
}

impl NewKey {
    /// Generates a key.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the cryptography library fails; [`KeyError::Unsupported`] for
    /// HMAC, whose keys have no public half.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let private = SigningKey::generate_jwk_set(algorithm)?;
        let public = KeySet::parse(&private)?.public_jwk_set();
        let jwk = public.keys.into_iter().next().ok_or_else(|| KeyError::Unsupported {
            kid: String::new(),
            reason: "a shared secret cannot be published",
        })?;
        Ok(Self { jwk, private })
    }

    /// A key from its parts, which are not checked. `private` is a JWK set of one private key.
    pub const fn from_parts(jwk: PublicJwk, private: SecretString) -> Self {
        Self { jwk, private }
    }

    /// The `kid` of the key.
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    pub(crate) fn into_ring_key(self, state: KeyState, since: Timestamp) -> RingKey {
        RingKey { jwk: self.jwk, state, since, until: None }
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("kid", &self.jwk.kid).finish_non_exhaustive()
    }
}

/// The whole ring: the public halves of all keys, and the private halves of the current and the
/// next key.
#[derive(Clone)]
pub struct KeyRing {
    pub(crate) public: PublicRing,
    pub(crate) private: BTreeMap<String, PrivateHalf>,
}

impl KeyRing {
    /// Parses the ring's item. Private halves stay encrypted.
    ///
    /// # Errors
    /// [`RingError::Invalid`] for an invalid public attribute or a missing private half.
    pub fn parse(item: &RingItem) -> Result<Self, RingError> {
        let public = PublicRing::parse(&item.public)?;
        let sealed = |key: &RingKey| {
            let kid = &key.jwk.kid;
            let half = item.sealed.get(kid).cloned().map(PrivateHalf::Sealed);
            half.map(|half| (kid.clone(), half))
                .ok_or_else(|| RingError::Invalid(format!("key {kid:?} has no private half")))
        };
        let signing = public.keys.iter().filter(|key| key.state != KeyState::Previous);
        let private = signing.map(sealed).collect::<Result<_, _>>()?;
        Ok(Self { public, private })
    }

    /// The public part of the ring.
    pub const fn public(&self) -> &PublicRing {
        &self.public
    }
}

/// Implemented by hand so that no field added later can print a private key.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("public", &self.public).finish_non_exhaustive()
    }
}
