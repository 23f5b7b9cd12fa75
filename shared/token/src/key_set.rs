//! The keys of one function or service.

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

/// The `kid` of a raw shared secret.
const SHARED_SECRET_KID: &str = "shared-secret";

/// Capacity of the cache of tokens with a valid signature.
const REMEMBERED_TOKENS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

type RememberedTokens = LruCache<Vec<u8>, GenuineToken>;

/// The keys of one function or service: at most one key that signs, the keys that verify, and
/// optionally the keys of a legacy service.
///
/// A key set caches the 64 most recently used tokens whose signature it verified.
#[derive(Debug)]
pub struct KeySet {
    signing: Option<SigningKey>,
    verifying: Vec<VerifyingKey>,
    legacy: LegacyKeys,
    /// By the SHA-256 of the token. A new key set starts empty, so that a retired key verifies
    /// nothing.
    remembered: Mutex<RememberedTokens>,
}

impl KeySet {
    /// A key set of parsed keys. `verifying` must include the public half of `signing`, otherwise
    /// the set refuses its own tokens.
    pub fn new(signing: Option<SigningKey>, verifying: Vec<VerifyingKey>) -> Self {
        let remembered = Mutex::new(LruCache::new(REMEMBERED_TOKENS));
        Self { signing, verifying, legacy: LegacyKeys::default(), remembered }
    }

    fn of_signing_key(key: SigningKey) -> Self {
        let public = key.public().clone();
        Self::new(Some(key), vec![public])
    }

    /// Parses a private JWK set (RFC 7517 §5). The first key must be private and signs. All keys
    /// verify; those after the first may be public. Keys with `minted_by` verify the tokens of a
    /// [legacy service](crate#tokens-of-a-legacy-flask-service) only.
    ///
    /// ```
    /// use latchkey_token::{Algorithm, KeySet, SigningKey};
    /// use secrecy::{ExposeSecret, SecretString};
    /// use serde_json::{Value, json};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = |algorithm| -> Result<Value, Box<dyn std::error::Error>> {
    ///     let set = SigningKey::generate_jwk_set(algorithm)?;
    ///     Ok(serde_json::from_str::<Value>(set.expose_secret())?["keys"][0].take())
    /// };
    /// let set = json!({ "keys": [key(Algorithm::EdDsa)?, key(Algorithm::Es256)?] });
    /// let keys = KeySet::parse(&SecretString::from(set.to_string()))?;
    /// assert_eq!(keys.signing().map(SigningKey::algorithm), Some(Algorithm::EdDsa));
    /// assert_eq!(keys.public_jwk_set().keys.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] for the first bad key; the whole set is refused:
    ///
    /// - no `kid` of 1 to 128 bytes, or a duplicate `kid`;
    /// - an unsupported `alg`, or a `kty` or `crv` that does not match `alg`;
    /// - a `use` other than `sig`, or `key_ops` without `sign` (`verify` for a public key);
    /// - parameters that are not a valid key, or a key that is too short;
    /// - shared secrets mixed with keys that have a public half;
    /// - a first key that is public.
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

    /// Parses a JWK set of public keys (RFC 7517 §5), such as the body of `/.well-known/jwks.json`,
    /// for a function or service that only verifies.
    ///
    /// # Errors
    /// [`KeyError`] for the first bad key, as [`KeySet::parse`]; [`KeyError::Unsupported`] also for
    /// a private key or a shared secret.
    pub fn parse_public(jwk_set: &str) -> Result<Self, KeyError> {
        let keys = parse_jwk_set(jwk_set)?.into_iter().map(VerifyingKey::from_set);
        let verifying = keys.collect::<Result<Vec<_>, _>>()?;
        if verifying.is_empty() { Err(KeyError::Empty) } else { Ok(Self::new(None, verifying)) }
    }

    /// Parses one private key in PEM (RFC 7468): PKCS #8, PKCS #1 for RSA, or SEC 1 for elliptic
    /// curves. Its `kid` is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::NotPem`] if the text has no private key for `algorithm`;
    /// [`KeyError::Invalid`] for an RSA key of less than 2048 bits.
    pub fn from_pem(algorithm: Algorithm, pem: &SecretString) -> Result<Self, KeyError> {
        SigningKey::from_pem(algorithm, pem).map(Self::of_signing_key)
    }

    /// Parses one public key in PEM (`BEGIN PUBLIC KEY`, RFC 7468 §13). Its `kid` is its thumbprint
    /// (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::NotPem`] if the text has no public key for `algorithm`; [`KeyError::Invalid`] if
    /// its parameters are not a valid key.
    pub fn from_public_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        Ok(Self::new(None, vec![VerifyingKey::from_pem(algorithm, pem)?]))
    }

    /// A raw secret for HS256, HS384 or HS512, which signs and verifies. Its `kid` is
    /// `shared-secret`.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] for less than 32, 48 or 64 bytes; [`KeyError::Unsupported`] for
    /// any other algorithm.
    pub fn from_shared_secret(
        algorithm: Algorithm,
        secret: &SecretString,
    ) -> Result<Self, KeyError> {
        let (kid, secret) = (SHARED_SECRET_KID.to_owned(), secret.expose_secret().as_bytes());
        SigningKey::from_secret(kid, algorithm, secret).map(Self::of_signing_key)
    }

    /// Adds the keys of a [legacy service](crate#tokens-of-a-legacy-flask-service).
    #[must_use]
    pub fn with_legacy(self, keys: LegacyKeys) -> Self {
        Self { legacy: self.legacy.and(keys), ..self }
    }

    /// Returns the set if its signing key is for `algorithm`. `None` accepts every algorithm.
    ///
    /// # Errors
    /// [`KeyError::OtherAlgorithm`] if the signing key is for another algorithm.
    pub fn signing_with(self, algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        match (self.signing.as_ref().map(SigningKey::algorithm), algorithm) {
            (Some(found), Some(wanted)) if found != wanted => {
                Err(KeyError::OtherAlgorithm { found, wanted })
            }
            _ => Ok(self),
        }
    }

    /// The key that signs; `None` in a set that only verifies.
    pub const fn signing(&self) -> Option<&SigningKey> {
        self.signing.as_ref()
    }

    /// Takes the signing key out of the set.
    pub fn into_signing(self) -> Option<SigningKey> {
        self.signing
    }

    /// The verifying key with this `kid`. Keys of a legacy service are never found.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying.iter().find(|key| key.kid() == kid)
    }

    /// All verifying keys with a public half, whether their tokens are still accepted or not.
    pub fn public_jwk_set(&self) -> PublicJwkSet {
        PublicJwkSet { keys: self.verifying.iter().filter_map(|key| key.jwk().cloned()).collect() }
    }

    /// The public keys whose tokens are accepted at `now`: the body of the JWKS endpoint.
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
