//! Keys that sign.

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
use serde_json::{Value, json};

use crate::{
    TokenId,
    algorithm::{Algorithm, Curve, KeyType},
    encoding::{from_base64url, to_base64url},
    error::KeyError,
    jwk::{PublicJwk, PublicParameters},
    jwk_set::{Jwk, KeyMembers, PrivateMembers, SecretMembers},
    verifying::VerifyingKey,
};

/// A key that signs, with its public half. Load one with [`KeySet`](crate::KeySet).
#[derive(Debug)]
pub struct SigningKey {
    signer: Signer,
    public: VerifyingKey,
}

/// `jsonwebtoken` parses and checks its key for each signature. Where that costs more than 25 µs, a
/// prepared key of `aws-lc-rs` signs; ADR 17 has the measurements. `Debug` prints no private half.
#[derive(Debug)]
enum Signer {
    /// Ed25519 and HMAC.
    Library(EncodingKey),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// Generates a key as a private JWK set of one key. Load it with
    /// [`KeySet::parse`](crate::KeySet::parse). The `kid` is the thumbprint of the public half
    /// (RFC 7638), or random for a shared secret. RSA keys have 2048 bits, shared secrets the
    /// minimum length.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the cryptography library fails.
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
        let public = VerifyingKey::from_secret(kid, algorithm, secret, None)?;
        let key = EncodingKey::from_secret(secret);
        let key = key.map_err(|_| KeyError::Invalid(public.kid().to_owned()))?;
        Ok(Self { signer: Signer::Library(key), public })
    }

    pub(crate) fn from_jwk(jwk: Jwk) -> Result<Self, KeyError> {
        if let KeyMembers::Secret(SecretMembers::Oct { k }) = &jwk.key {
            let secret = jwk.decode(k)?;
            return Self::from_secret(jwk.kid, jwk.algorithm, &secret);
        }
        let halves = read_jwk(&jwk).ok_or_else(|| KeyError::Invalid(jwk.kid.clone()))?;
        Self::new(jwk.kid, jwk.algorithm, halves)
    }

    /// Parses a private key in PEM: PKCS #8, PKCS #1 for RSA, SEC 1 for elliptic curves. Its `kid`
    /// is its thumbprint.
    pub(crate) fn from_pem(algorithm: Algorithm, pem: &SecretString) -> Result<Self, KeyError> {
        let halves = read_pem(algorithm, pem.expose_secret());
        let halves = halves.ok_or(KeyError::NotPem(algorithm.name()))?;
        Self::new(halves.1.thumbprint(), algorithm, halves)
    }

    /// The key that verifies the signatures. For a shared secret it holds the secret.
    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The key's only algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// Signs `message`. Returns base64url; `None` if the cryptography library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<String> {
        let random = SystemRandom::new();
        match &self.signer {
            Signer::Library(key) => {
                jsonwebtoken::crypto::sign(message, key, self.algorithm().jws()).ok()
            }
            Signer::Ecdsa(pair) => pair.sign(&random, message).ok().map(to_base64url),
            Signer::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).ok()?;
                Some(to_base64url(signature))
            }
        }
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

/// `None` unless the parameters are a valid key whose halves match.
fn read_jwk(jwk: &Jwk) -> Option<(Signer, PublicParameters)> {
    let KeyMembers::Public(public) = &jwk.key else { return None };
    let PrivateMembers { d, p, q, dp, dq, qi } = &jwk.private;
    let secret = |member: &Option<SecretString>| from_base64url(member.as_ref()?.expose_secret());
    let d = secret(d)?;
    let halves = match (jwk.algorithm.key_type(), public) {
        (KeyType::EllipticCurve(curve), PublicParameters::EllipticCurve { x, y, .. }) => {
            let point = [vec![4], from_base64url(x)?, from_base64url(y)?].concat();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &d, &point);
            ecdsa(curve, pair.ok()?)?
        }
        (KeyType::Ed25519, _) => ed25519(&Ed25519KeyPair::from_seed_unchecked(&d).ok()?)?,
        (KeyType::Rsa(encoding), PublicParameters::Rsa { n, e }) => {
            let (n, e) = (from_base64url(n)?, from_base64url(e)?);
            let pair = RsaKeyPair::from_components(&KeyPairComponents {
                public_key: RsaPublicKeyComponents { n, e },
                d,
                p: secret(p)?,
                q: secret(q)?,
                dP: secret(dp)?,
                dQ: secret(dq)?,
                qInv: secret(qi)?,
            });
            rsa(encoding, pair.ok()?)
        }
        _ => return None,
    };
    (halves.1 == *public).then_some(halves)
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

/// A new private JWK.
fn generate(algorithm: Algorithm) -> Option<Value> {
    let (public, private) = match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => {
            let pair = EcdsaKeyPair::generate(curve.signing).ok()?;
            let d = to_base64url(pair.private_key().as_be_bytes().ok()?.as_ref());
            (PublicParameters::of_point(curve, pair.public_key().as_ref())?, vec![("d", d)])
        }
        KeyType::Ed25519 => {
            let pair = Ed25519KeyPair::generate().ok()?;
            let d = to_base64url(pair.seed().ok()?.as_be_bytes().ok()?.as_ref());
            (PublicParameters::of_ed25519(pair.public_key().as_ref()), vec![("d", d)])
        }
        KeyType::Rsa(_) => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
            let pkcs8 = pair.as_der().ok()?;
            let pkcs1 = PrivateKeyInfoRef::try_from(pkcs8.as_ref()).ok()?.private_key.as_bytes();
            let key: RsaPrivateKey<UintRef<'_>> = RsaPrivateKey::from_der(pkcs1).ok()?;
            let private = [
                ("d", key.private_exponent),
                ("p", key.prime1),
                ("q", key.prime2),
                ("dp", key.exponent1),
                ("dq", key.exponent2),
                ("qi", key.coefficient),
            ];
            let private = private.map(|(name, number)| (name, to_base64url(number.as_bytes())));
            (PublicParameters::of_rsa(pair.public_key()), private.to_vec())
        }
        KeyType::Secret(bytes) => {
            let mut secret = vec![0; bytes];
            getrandom::fill(&mut secret).ok()?;
            let (kid, k) = (TokenId::generate().ok()?, to_base64url(secret));
            let alg = algorithm.name();
            return Some(json!({ "kty": "oct", "kid": kid, "alg": alg, "use": "sig", "k": k }));
        }
    };
    let mut jwk = json!(PublicJwk::new(public.thumbprint(), algorithm, public));
    let private = private.into_iter().map(|(name, number)| (name.to_owned(), number.into()));
    jwk.as_object_mut()?.extend(private);
    Some(jwk)
}
