//! The keys of one function.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    algorithm::Algorithm,
    error::KeyError,
    jwk::PublicJwkSet,
    jwk_set::parse_jwk_set,
    legacy::{LegacyKey, LegacyKeys},
    signing::SigningKey,
    timestamp::Timestamp,
    verifier::GenuineToken,
    verifying::VerifyingKey,
};

/// The `kid` of a shared secret that came without one.
const SHARED_SECRET_KID: &str = "shared-secret";

/// How many genuine tokens are remembered.
const REMEMBERED_TOKENS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

type RememberedTokens = LruCache<Vec<u8>, GenuineToken>;

/// The keys of one function: the key that signs if there is one, the keys that verify, and the
/// keys of a legacy service.
#[derive(Debug)]
pub struct KeySet {
    signing: Option<SigningKey>,
    verifying: Vec<VerifyingKey>,
    legacy: LegacyKeys,
    /// By the SHA-256 of their text. A new key set remembers no token, so a retired key ends here.
    remembered: Mutex<RememberedTokens>,
}

impl KeySet {
    /// A key that signs, and all keys that verify.
    pub fn new(signing: Option<SigningKey>, verifying: Vec<VerifyingKey>) -> Self {
        let remembered = Mutex::new(LruCache::new(REMEMBERED_TOKENS));
        Self { signing, verifying, legacy: LegacyKeys::default(), remembered }
    }

    fn of_signing_key(key: SigningKey) -> Self {
        let public = key.public().clone();
        Self::new(Some(key), vec![public])
    }

    /// Reads a JWK set (RFC 7517). Its first key is private and signs; the others, private or
    /// public, verify. Keys with `minted_by` verify the tokens of a legacy service.
    ///
    /// # Errors
    /// [`KeyError`]: one bad key refuses the whole set.
    pub fn parse(jwk_set: &SecretString) -> Result<Self, KeyError> {
        let (mut signing, mut verifying, mut legacy) = (None, Vec::new(), Vec::new());
        for jwk in parse_jwk_set(jwk_set.expose_secret())? {
            if jwk.legacy.minted_by.is_some() {
                legacy.push(LegacyKey::new(jwk)?);
            } else if jwk.is_private() {
                let key = SigningKey::from_jwk(jwk)?;
                verifying.push(key.public().clone());
                signing = signing.or((verifying.len() == 1).then_some(key));
            } else {
                verifying.push(VerifyingKey::from_set(jwk)?);
            }
        }
        let secrets = verifying.iter().filter(|key| !key.algorithm().has_public_half()).count();
        if secrets != 0 && secrets != verifying.len() {
            return Err(KeyError::MixedSecrets);
        }
        if verifying.is_empty() {
            return Err(KeyError::Empty);
        }
        let signing = signing.ok_or(KeyError::NoSigningKey)?;
        Ok(Self { legacy: LegacyKeys::new(legacy), ..Self::new(Some(signing), verifying) })
    }

    /// Reads a JWK set of public keys, for a function that does not sign.
    ///
    /// # Errors
    /// [`KeyError`]: one bad or private key refuses the whole set.
    pub fn parse_public(jwk_set: &str) -> Result<Self, KeyError> {
        let keys = parse_jwk_set(jwk_set)?.into_iter().map(VerifyingKey::from_set);
        let verifying = keys.collect::<Result<Vec<_>, _>>()?;
        if verifying.is_empty() { Err(KeyError::Empty) } else { Ok(Self::new(None, verifying)) }
    }

    /// One private key in PEM: PKCS #8, PKCS #1 or SEC 1. Its `kid` is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::NotPem`] without a key for `algorithm`, [`KeyError::Invalid`] for an RSA key of
    /// less than 2048 bits.
    pub fn from_pem(algorithm: Algorithm, pem: &SecretString) -> Result<Self, KeyError> {
        SigningKey::from_pem(algorithm, pem).map(Self::of_signing_key)
    }

    /// One public key in PEM (`BEGIN PUBLIC KEY`). Its `kid` is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::NotPem`] without a key for `algorithm`, [`KeyError::Invalid`] for numbers that
    /// are not a key.
    pub fn from_public_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        Ok(Self::new(None, vec![VerifyingKey::from_pem(algorithm, pem)?]))
    }

    /// One secret that is shared with another service, for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] for less than 32, 48 or 64 bytes, [`KeyError::Unsupported`] for
    /// another algorithm.
    pub fn from_shared_secret(
        algorithm: Algorithm,
        secret: &SecretString,
    ) -> Result<Self, KeyError> {
        let (kid, secret) = (SHARED_SECRET_KID.to_owned(), secret.expose_secret().as_bytes());
        SigningKey::from_secret(kid, algorithm, secret).map(Self::of_signing_key)
    }

    /// The same keys, and those of a legacy service.
    #[must_use]
    pub fn with_legacy(self, keys: LegacyKeys) -> Self {
        Self { legacy: self.legacy.and(keys), ..self }
    }

    /// The same keys, if the key that signs is for `algorithm`; `None` is any.
    ///
    /// # Errors
    /// [`KeyError::OtherAlgorithm`].
    pub fn signing_with(self, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        match (self.signing.as_ref().map(SigningKey::algorithm), algorithm) {
            (Some(found), Some(wanted)) if found != wanted => {
                Err(KeyError::OtherAlgorithm { found, wanted })
            }
            _ => Ok(self),
        }
    }

    /// The key that signs.
    pub const fn signing(&self) -> Option<&SigningKey> {
        self.signing.as_ref()
    }

    /// The key that signs, taken out of the set.
    pub fn into_signing(self) -> Option<SigningKey> {
        self.signing
    }

    /// The verifying key with that id.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.kid() == kid)
    }

    /// The public keys.
    pub fn public_jwk_set(&self) -> PublicJwkSet {
        PublicJwkSet { keys: self.verifying.iter().filter_map(|key| key.jwk().cloned()).collect() }
    }

    /// The public keys whose tokens are accepted at that moment, for the JWKS endpoint.
    pub fn public_jwk_set_at(&self, now: Timestamp) -> PublicJwkSet {
        let accepted = self.verifying.iter().filter(|key| key.is_accepted(now));
        PublicJwkSet { keys: accepted.filter_map(|key| key.jwk().cloned()).collect() }
    }

    pub(crate) const fn legacy(&self) -> &LegacyKeys {
        &self.legacy
    }

    pub(crate) fn remembered(&self) -> MutexGuard<'_, RememberedTokens> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
