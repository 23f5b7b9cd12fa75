//! Keys: one algorithm each, found by `kid` among our own and nowhere else.

use std::fmt;

use aws_lc_rs::{
    digest,
    encoding::AsBigEndian,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    encoding,
    error::{KeyError, SigningCause},
    jwk::{
        EllipticCurveKey, PrivateJwk, PrivateParameters, PublicJwk, PublicJwkSet, PublicParameters,
        parse_private_set,
    },
};

/// A JWS algorithm that tokens may be signed with. A key is for exactly one (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: verifiers hold no secret.
    Es256,
    /// HMAC with SHA-256: every verifier can also sign.
    Hs256,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Es256, Self::Hs256];

    /// The name in a token's `alg` header (RFC 7518 §3.1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of that name, which is case-sensitive.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    const fn jws(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
        }
    }
}

/// The least length of an HS256 secret: that of the hash's output (RFC 7518 §3.2).
const MIN_HS256_BYTES: usize = 32;

/// The `kid` of a secret that came without one.
const SHARED_SECRET_KID: &str = "shared-secret";

/// A key that signs, with the half that verifies what it signed.
pub struct SigningKey {
    private: PrivateKey,
    public: VerifyingKey,
    jwk: Option<PublicJwk>,
}

impl SigningKey {
    /// A new ES256 key as a private JWK set, its `kid` the RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the cryptography library cannot make a key.
    pub fn generate_jwk_set() -> Result<SecretString, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_| KeyError::Generation)?;
        let scalar = pair.private_key().as_be_bytes().map_err(|_| KeyError::Generation)?;
        let (Some(x), Some(y)) =
            (pair.public_key().as_ref().get(1..33), pair.public_key().as_ref().get(33..65))
        else {
            return Err(KeyError::Generation);
        };
        let (x, y) = (encoding::to_base64url(x), encoding::to_base64url(y));
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let thumbprint = digest::digest(&digest::SHA256, canonical.as_bytes());
        let kid = encoding::to_base64url(thumbprint.as_ref());
        let d = encoding::to_base64url(scalar.as_ref());
        Ok(SecretString::from(format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"{kid}","x":"{x}","y":"{y}","d":"{d}"}}]}}"#
        )))
    }

    fn from_jwk(jwk: PrivateJwk) -> Result<Self, KeyError> {
        let PrivateJwk { kid, algorithm, parameters } = jwk;
        match parameters {
            PrivateParameters::EllipticCurve(key) => Self::from_curve(kid, algorithm, &key),
            PrivateParameters::Secret(secret) => Self::from_secret(kid, algorithm, &secret),
        }
    }

    fn from_curve(
        kid: String,
        algorithm: Algorithm,
        key: &EllipticCurveKey,
    ) -> Result<Self, KeyError> {
        let invalid = || KeyError::Invalid(kid.clone());
        let point = key.point().ok_or_else(invalid)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &key.scalar,
            &point,
        )
        .map_err(|_| invalid())?;
        Ok(Self {
            private: PrivateKey::Es256(pair),
            public: VerifyingKey {
                kid: kid.clone(),
                algorithm,
                material: DecodingKey::from_ec_der(&point),
            },
            jwk: Some(PublicJwk {
                kid,
                alg: algorithm.name().to_owned(),
                usage: "sig".to_owned(),
                parameters: PublicParameters::EllipticCurve {
                    crv: "P-256".to_owned(),
                    x: key.x.clone(),
                    y: key.y.clone(),
                },
            }),
        })
    }

    fn from_secret(kid: String, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < MIN_HS256_BYTES {
            return Err(KeyError::ShortSecret {
                algorithm: algorithm.name(),
                bytes: secret.len(),
                needed: MIN_HS256_BYTES,
            });
        }
        Ok(Self {
            private: PrivateKey::Hs256(EncodingKey::from_secret(secret)),
            public: VerifyingKey { kid, algorithm, material: DecodingKey::from_secret(secret) },
            jwk: None,
        })
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    pub(crate) fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The signature's base64url text over `message`.
    pub(crate) fn sign(&self, message: &str) -> Result<String, SigningCause> {
        match &self.private {
            PrivateKey::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message.as_bytes())?;
                Ok(encoding::to_base64url(signature.as_ref()))
            }
            PrivateKey::Hs256(secret) => {
                let algorithm = self.algorithm().jws();
                Ok(jsonwebtoken::crypto::sign(message.as_bytes(), secret, algorithm)?)
            }
        }
    }
}

/// What signs. `jsonwebtoken` would read a key's DER anew, and check that its halves belong
/// together, for each signature: several times what signing costs.
enum PrivateKey {
    Es256(EcdsaKeyPair),
    Hs256(EncodingKey),
}

/// Written by hand so that no later field can print a private key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.public.kid)
            .field("algorithm", &self.public.algorithm)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl VerifyingKey {
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature`, in canonical base64url, is this key's over `message`.
    pub(crate) fn verifies(&self, message: &str, signature: &str) -> bool {
        let algorithm = self.algorithm.jws();
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.material, algorithm)
            .unwrap_or(false)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The keys that tokens are accepted from.
#[derive(Clone, Debug)]
pub struct VerifyingKeys(Vec<VerifyingKey>);

impl VerifyingKeys {
    pub(crate) fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.kid == kid)
    }
}

/// Every private key that a function was given. The first one signs, all of them verify.
#[derive(Debug)]
pub struct KeyRing {
    signing: SigningKey,
    others: Vec<SigningKey>,
}

impl KeyRing {
    /// Reads a private JWK set (RFC 7517). Its first key signs.
    ///
    /// # Errors
    /// Every variant of [`KeyError`] but `Generation`: the whole set is refused for one bad key.
    pub fn parse(jwk_set: &SecretString) -> Result<Self, KeyError> {
        let mut keys = Vec::<SigningKey>::new();
        for jwk in parse_private_set(jwk_set)? {
            if keys.iter().any(|key| key.kid() == jwk.kid) {
                return Err(KeyError::DuplicateKeyId(jwk.kid));
            }
            keys.push(SigningKey::from_jwk(jwk)?);
        }
        let mut keys = keys.into_iter();
        let signing = keys.next().ok_or(KeyError::Empty)?;
        Ok(Self { signing, others: keys.collect() })
    }

    /// A ring of one HS256 secret that another service shares.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] for less than 32 bytes.
    pub fn from_shared_secret(secret: &SecretString) -> Result<Self, KeyError> {
        let bytes = secret.expose_secret().as_bytes();
        let signing =
            SigningKey::from_secret(SHARED_SECRET_KID.to_owned(), Algorithm::Hs256, bytes)?;
        Ok(Self { signing, others: Vec::new() })
    }

    /// The halves that verify.
    pub fn verifying_keys(&self) -> VerifyingKeys {
        VerifyingKeys(self.iter().map(|key| key.public.clone()).collect())
    }

    /// The public keys, for the JWKS endpoint. Shared secrets are left out.
    pub fn public_jwk_set(&self) -> PublicJwkSet {
        PublicJwkSet { keys: self.iter().filter_map(|key| key.jwk.clone()).collect() }
    }

    /// The algorithm of the key that signs.
    pub const fn algorithm(&self) -> Algorithm {
        self.signing.algorithm()
    }

    /// The key that signs.
    pub fn into_signing_key(self) -> SigningKey {
        self.signing
    }

    fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.signing).chain(&self.others)
    }
}
