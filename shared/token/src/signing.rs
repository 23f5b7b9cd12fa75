//! Keys that sign.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsBigEndian as _, AsDer as _},
    rand::SystemRandom,
    rsa::{KeyPairComponents, KeySize},
    signature::{
        EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use jsonwebtoken::EncodingKey;
use pkcs1::RsaPrivateKey;
use pkcs8::{
    PrivateKeyInfoRef,
    der::{Decode as _, asn1::UintRef},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::{
    TokenId,
    algorithm::{Algorithm, Curve, KeyType},
    encoding::to_base64url,
    error::{KeyError, SigningError},
    jwk::PublicParameters,
    jwk_set::Jwk,
    verifying::VerifyingKey,
};

/// A key that signs, with the key that verifies its signatures.
pub struct SigningKey {
    signer: Signer,
    public: VerifyingKey,
}

/// `jsonwebtoken` reads and checks its key at each signature. Where that costs more than 25 µs, a
/// prepared key signs: ADR 17 has the measurements.
enum Signer {
    /// Ed25519 and HMAC.
    Library(EncodingKey),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// Generates a key, as a private JWK set. Its `kid` is the thumbprint of the public half (RFC
    /// 7638), or random for a shared secret; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the cryptography library fails.
    pub fn generate_jwk_set(algorithm: Algorithm) -> Result<SecretString, KeyError> {
        let key = generate(algorithm).ok_or(KeyError::Generation)?;
        Ok(SecretString::from(json!({ "keys": [key] }).to_string()))
    }

    fn new(
        kid: String,
        algorithm: Algorithm,
        (signer, public): (Signer, PublicParameters),
    ) -> Result<Self, KeyError> {
        Ok(Self { signer, public: VerifyingKey::from_public(kid, algorithm, public)? })
    }

    pub(crate) fn from_secret(
        kid: String,
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        let needed = match algorithm.key_type() {
            KeyType::Secret(bytes) => bytes,
            KeyType::EllipticCurve(_) | KeyType::Ed25519 | KeyType::Rsa(_) => 0,
        };
        let public = VerifyingKey::from_secret(kid, algorithm, secret, needed)?;
        let key = EncodingKey::from_secret(secret);
        let key = key.map_err(|_| KeyError::Invalid(public.kid().to_owned()))?;
        Ok(Self { signer: Signer::Library(key), public })
    }

    pub(crate) fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        jwk.check_usage("sign")?;
        let members = &jwk.members;
        if let KeyType::Secret(_) = jwk.algorithm.key_type() {
            return Self::from_secret(jwk.kid.clone(), jwk.algorithm, &jwk.shared_secret()?);
        }
        let public = jwk.public()?;
        let number = |member: &Option<String>| jwk.number(member.as_ref());
        let secret = |member: &Option<SecretString>| jwk.secret(member.as_ref());
        let d = secret(&members.d)?;
        let halves = match jwk.algorithm.key_type() {
            KeyType::EllipticCurve(curve) => {
                let point = [vec![4], number(&members.x)?, number(&members.y)?].concat();
                EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &d, &point)
                    .ok()
                    .and_then(|pair| ecdsa(curve, pair))
            }
            KeyType::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &number(&members.x)?);
                pair.ok().as_ref().and_then(ed25519)
            }
            KeyType::Rsa(encoding) => {
                let pair = RsaKeyPair::from_components(&KeyPairComponents {
                    public_key: RsaPublicKeyComponents {
                        n: number(&members.n)?,
                        e: number(&members.e)?,
                    },
                    d,
                    p: secret(&members.p)?,
                    q: secret(&members.q)?,
                    dP: secret(&members.dp)?,
                    dQ: secret(&members.dq)?,
                    qInv: secret(&members.qi)?,
                });
                pair.ok().map(|pair| rsa(encoding, pair))
            }
            KeyType::Secret(_) => None,
        };
        // The library also takes numbers with leading zeros, which a JWK may not have.
        let halves = halves.filter(|(_, of_pair)| *of_pair == public);
        Self::new(jwk.kid.clone(), jwk.algorithm, halves.ok_or_else(|| jwk.invalid())?)
    }

    /// A private key in PEM: PKCS #8, PKCS #1 for RSA, SEC 1 for elliptic curves. Its id is its
    /// thumbprint.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &SecretString) -> Result<Self, KeyError> {
        let halves = read_pem(algorithm, pem.expose_secret());
        let halves = halves.ok_or(KeyError::NotPem(algorithm.name()))?;
        Self::new(halves.1.thumbprint(), algorithm, halves)
    }

    /// The key that verifies its signatures.
    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The one algorithm that the key is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The signature over `message` in base64url.
    pub(crate) fn sign(&self, message: &str) -> Result<String, SigningError> {
        let (random, message) = (SystemRandom::new(), message.as_bytes());
        match &self.signer {
            Signer::Library(key) => {
                let signature = jsonwebtoken::crypto::sign(message, key, self.algorithm().jws());
                signature.map_err(|_| SigningError::Cryptography)
            }
            Signer::Ecdsa(pair) => Ok(to_base64url(pair.sign(&random, message)?)),
            Signer::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                Ok(to_base64url(signature))
            }
        }
    }
}

/// Written by hand so that no later field can print a private key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("public", &self.public).finish_non_exhaustive()
    }
}

fn ecdsa(curve: Curve, pair: EcdsaKeyPair) -> Option<(Signer, PublicParameters)> {
    let public = PublicParameters::of_point(curve, pair.public_key().as_ref())?;
    Some((Signer::Ecdsa(pair), public))
}

fn ed25519(pair: &Ed25519KeyPair) -> Option<(Signer, PublicParameters)> {
    let key = EncodingKey::from_ed_der(pair.to_pkcs8().ok()?.as_ref());
    Some((Signer::Library(key), PublicParameters::of_ed25519(pair.public_key().as_ref())))
}

fn rsa(encoding: &'static dyn RsaEncoding, pair: RsaKeyPair) -> (Signer, PublicParameters) {
    let public = PublicParameters::of_rsa(pair.public_key());
    (Signer::Rsa(pair, encoding), public)
}

fn read_pem(algorithm: Algorithm, pem: &str) -> Option<(Signer, PublicParameters)> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let der = key.secret_der();
    match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => {
            ecdsa(curve, EcdsaKeyPair::from_private_key_der(curve.signing, der).ok()?)
        }
        KeyType::Ed25519 => ed25519(&Ed25519KeyPair::from_pkcs8(der).ok()?),
        KeyType::Rsa(encoding) => {
            let is_pkcs1 = matches!(key, PrivateKeyDer::Pkcs1(_));
            let read = if is_pkcs1 { RsaKeyPair::from_der } else { RsaKeyPair::from_pkcs8 };
            Some(rsa(encoding, read(der).ok()?))
        }
        KeyType::Secret(_) => None,
    }
}

/// The members of a new private JWK.
fn generate(algorithm: Algorithm) -> Option<Map<String, Value>> {
    let mut private = Map::new();
    let mut add = |name: &str, bytes: &[u8]| {
        private.insert(name.to_owned(), to_base64url(bytes).into());
    };
    let public = match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => {
            let pair = EcdsaKeyPair::generate(curve.signing).ok()?;
            add("d", pair.private_key().as_be_bytes().ok()?.as_ref());
            PublicParameters::of_point(curve, pair.public_key().as_ref())
        }
        KeyType::Ed25519 => {
            let pair = Ed25519KeyPair::generate().ok()?;
            add("d", pair.seed().ok()?.as_be_bytes().ok()?.as_ref());
            Some(PublicParameters::of_ed25519(pair.public_key().as_ref()))
        }
        KeyType::Rsa(_) => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
            let der = pair.as_der().ok()?;
            let pkcs1 = PrivateKeyInfoRef::try_from(der.as_ref()).ok()?.private_key.as_bytes();
            let key: RsaPrivateKey<UintRef<'_>> = RsaPrivateKey::from_der(pkcs1).ok()?;
            add("d", key.private_exponent.as_bytes());
            add("p", key.prime1.as_bytes());
            add("q", key.prime2.as_bytes());
            add("dp", key.exponent1.as_bytes());
            add("dq", key.exponent2.as_bytes());
            add("qi", key.coefficient.as_bytes());
            Some(PublicParameters::of_rsa(pair.public_key()))
        }
        KeyType::Secret(bytes) => {
            let mut secret = vec![0; bytes];
            getrandom::fill(&mut secret).ok()?;
            add("k", &secret);
            None
        }
    };
    let kid = match &public {
        Some(public) => public.thumbprint(),
        None => TokenId::generate().ok()?.into(),
    };
    let mut key = json!(public).as_object().cloned().unwrap_or_default();
    key.extend(private);
    for (name, text) in [("alg", algorithm.name()), ("kid", &kid), ("use", "sig")] {
        key.insert(name.to_owned(), text.into());
    }
    if public.is_none() {
        key.insert("kty".to_owned(), "oct".into());
    }
    Some(key)
}
