//! Keys that verify signatures.

use std::ops::RangeInclusive;

use aws_lc_rs::{
    rsa,
    signature::{ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents},
};
use jsonwebtoken::DecodingKey;
use pkcs8::{der::Decode as _, spki::SubjectPublicKeyInfoRef};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};

use crate::{
    algorithm::{Algorithm, KeyType},
    encoding::from_base64url,
    error::KeyError,
    jwk::{PublicJwk, PublicParameters},
    jwk_set::{Jwk, KeyMembers},
    timestamp::Timestamp,
};

/// RFC 7518 §3.3 sets the minimum size of a modulus, the cryptography library the maximum.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// A key that verifies signatures: a public key or a shared secret.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
    /// `None` for a shared secret.
    jwk: Option<PublicJwk>,
    until: Option<Timestamp>,
}

impl VerifyingKey {
    /// Loads a public key.
    ///
    /// # Errors
    /// [`KeyError::BadKeyId`] for a `kid` that is not 1 to 128 bytes long;
    /// [`KeyError::Unsupported`] for an unknown `alg`, a `use` other than `sig`, or a key type or
    /// curve that does not match `alg`; [`KeyError::Invalid`] if the parameters are not a valid
    /// key.
    pub fn from_jwk(jwk: &PublicJwk) -> Result<Self, KeyError> {
        Self::from_set(Jwk::from_public(jwk)?)
    }

    /// Loads a public key of a set.
    pub(crate) fn from_set(jwk: Jwk) -> Result<Self, KeyError> {
        match jwk.key {
            KeyMembers::Public(public) if jwk.private.d.is_none() => {
                Self::from_public(jwk.kid, jwk.algorithm, public)
            }
            KeyMembers::Public(_) | KeyMembers::Secret(_) => {
                Err(jwk.unsupported("a verifier is given public keys only"))
            }
        }
    }

    pub(crate) fn from_public(
        kid: String,
        algorithm: Algorithm,
        parameters: PublicParameters,
    ) -> Result<Self, KeyError> {
        let key = decoding_key(algorithm, &parameters);
        let key = key.ok_or_else(|| KeyError::Invalid(kid.clone()))?;
        let jwk = Some(PublicJwk::new(kid.clone(), algorithm, parameters));
        Ok(Self { kid, algorithm, key, jwk, until: None })
    }

    /// Parses a public key in PEM (RFC 5280 §4.1.2.7). Its `kid` is its thumbprint.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let parameters = read_pem(algorithm, pem).ok_or(KeyError::NotPem(algorithm.name()))?;
        Self::from_public(parameters.thumbprint(), algorithm, parameters)
    }

    /// A shared secret of at least `min_bytes`, by default the length of the hash (RFC 7518 §3.2).
    pub(crate) fn from_secret(
        kid: String,
        algorithm: Algorithm,
        secret: &[u8],
        min_bytes: Option<usize>,
    ) -> Result<Self, KeyError> {
        let KeyType::Secret(hash_bytes) = algorithm.key_type() else {
            let reason = "a shared secret is for HS256, HS384 and HS512";
            return Err(KeyError::Unsupported { kid, reason });
        };
        let (needed, bytes) = (min_bytes.unwrap_or(hash_bytes), secret.len());
        if bytes < needed {
            return Err(KeyError::ShortSecret { algorithm: algorithm.name(), bytes, needed });
        }
        let key = DecodingKey::from_secret(secret).map_err(|_| KeyError::Invalid(kid.clone()))?;
        Ok(Self { kid, algorithm, key, jwk: None, until: None })
    }

    /// Sets the time from which tokens of this key are refused; `None` for never.
    #[must_use]
    pub fn accepted_until(self, until: Option<Timestamp>) -> Self {
        Self { until, ..self }
    }

    /// The id of the key: `kid` in the header of its tokens.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key's only algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The time from which tokens of this key are refused; `None` for a key that was not replaced.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    pub(crate) fn is_accepted(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(crate) const fn jwk(&self) -> Option<&PublicJwk> {
        self.jwk.as_ref()
    }

    /// Whether `signature`, in base64url, is a signature of this key over `message`.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let verified =
            jsonwebtoken::crypto::verify(signature, message, &self.key, self.algorithm.jws());
        verified.unwrap_or(false)
    }
}

/// `None` if the parameters are not a valid key of `algorithm`. `jsonwebtoken` would accept any
/// bytes.
fn decoding_key(algorithm: Algorithm, parameters: &PublicParameters) -> Option<DecodingKey> {
    match (algorithm.key_type(), parameters) {
        (KeyType::EllipticCurve(curve), PublicParameters::EllipticCurve { x, y, .. }) => {
            let (x, y) = (from_base64url(x)?, from_base64url(y)?);
            if x.len() != y.len() {
                return None;
            }
            let point = [vec![4], x, y].concat();
            ParsedPublicKey::new(curve.verification, &point).ok()?;
            Some(DecodingKey::from_ec_der(&point))
        }
        (KeyType::Ed25519, PublicParameters::OctetKeyPair { x, .. }) => {
            let key = from_base64url(x).filter(|key| key.len() == 32)?;
            ParsedPublicKey::new(&ED25519, &key).ok()?;
            Some(DecodingKey::from_ed_der(&key))
        }
        (KeyType::Rsa(_), PublicParameters::Rsa { n, e }) => {
            let (n, e) = (from_base64url(n)?, from_base64url(e)?);
            let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
            if !RSA_BITS.contains(&bits) {
                return None;
            }
            let components = RsaPublicKeyComponents { n: &n, e: &e };
            components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
            Some(DecodingKey::from_rsa_raw_components(&n, &e))
        }
        _ => None,
    }
}

fn read_pem(algorithm: Algorithm, pem: &str) -> Option<PublicParameters> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    let info = SubjectPublicKeyInfoRef::from_der(der.as_ref()).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => PublicParameters::of_point(curve, key),
        KeyType::Ed25519 => Some(PublicParameters::of_ed25519(key)),
        KeyType::Rsa(_) => Some(PublicParameters::of_rsa(&rsa::PublicKey::from_der(key).ok()?)),
        KeyType::Secret(_) => None,
    }
}
