//! Keys that sign.

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer as _,
    hmac,
    rand::SystemRandom,
    rsa::{KeyPairComponents, KeySize},
    signature::{EcdsaKeyPair, Ed25519KeyPair, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents},
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::{
    TokenId,
    algorithm::{Algorithm, KeyType, min_secret_bytes},
    encoding::{from_base64url, to_base64url},
    error::{KeyError, SigningCause},
    jwk::{PrivateParameters, PublicParameters, RsaPrivate},
    pem,
    verifying::{VerifyingKey, point},
};

/// A key that signs, with the half that verifies what it signed.
pub struct SigningKey {
    private: PrivateKey,
    public: VerifyingKey,
}

/// What signs. `jsonwebtoken` would read a key's DER anew, and check that its halves belong
/// together, for each signature: several times what signing costs.
enum PrivateKey {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Hmac(Box<hmac::Key>),
}

impl SigningKey {
    /// A new key as a private JWK set. The `kid` is the RFC 7638 thumbprint of the public half, or
    /// random for a secret; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the cryptography library cannot make a key.
    pub fn generate_jwk_set(algorithm: Algorithm) -> Result<SecretString, KeyError> {
        let (kid, parameters) = generate(algorithm)?;
        let key = members(&kid, algorithm, &parameters);
        Ok(SecretString::from(json!({ "keys": [key] }).to_string()))
    }

    pub(crate) fn new(
        kid: String,
        algorithm: Algorithm,
        parameters: PrivateParameters,
    ) -> Result<Self, KeyError> {
        let private = private_key(algorithm, &parameters);
        let public = match parameters {
            PrivateParameters::Secret(secret) => {
                VerifyingKey::from_secret(kid.clone(), algorithm, &secret)?
            }
            PrivateParameters::Scalar(public, _) | PrivateParameters::Rsa(public, _) => {
                VerifyingKey::from_public(kid.clone(), algorithm, public)?
            }
        };
        Ok(Self { private: private.ok_or(KeyError::Invalid(kid))?, public })
    }

    pub(crate) fn into_public(self) -> VerifyingKey {
        self.public
    }

    pub(crate) const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The signature's base64url text over `message`.
    pub(crate) fn sign(&self, message: &str) -> Result<String, SigningCause> {
        let (random, message) = (SystemRandom::new(), message.as_bytes());
        Ok(match &self.private {
            PrivateKey::Ecdsa(pair) => to_base64url(pair.sign(&random, message)?.as_ref()),
            PrivateKey::Ed25519(pair) => to_base64url(pair.try_sign(message)?.as_ref()),
            PrivateKey::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)?;
                to_base64url(&signature)
            }
            PrivateKey::Hmac(key) => to_base64url(hmac::sign(key, message).as_ref()),
        })
    }
}

/// Written by hand so that no later field can print a private key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.public.kid())
            .field("algorithm", &self.public.algorithm())
            .finish_non_exhaustive()
    }
}

/// `None` when the numbers are not a key for the algorithm, or its halves do not belong together.
fn private_key(algorithm: Algorithm, parameters: &PrivateParameters) -> Option<PrivateKey> {
    use PrivateParameters::{Rsa, Scalar, Secret};
    match (algorithm.key_type(), parameters) {
        (KeyType::Secret(hash), Secret(secret)) => {
            Some(PrivateKey::Hmac(Box::new(hmac::Key::new(hash, secret))))
        }
        (
            KeyType::EllipticCurve(curve),
            Scalar(PublicParameters::EllipticCurve { x, y, .. }, scalar),
        ) => {
            let point = point(curve, &from_base64url(x)?, &from_base64url(y)?)?;
            EcdsaKeyPair::from_private_key_and_public_key(curve.signing, scalar, &point)
                .ok()
                .map(PrivateKey::Ecdsa)
        }
        (KeyType::OctetKeyPair, Scalar(PublicParameters::OctetKeyPair { x, .. }, seed)) => {
            Ed25519KeyPair::from_seed_and_public_key(seed, &from_base64url(x)?)
                .ok()
                .map(PrivateKey::Ed25519)
        }
        (KeyType::Rsa(encoding), Rsa(PublicParameters::Rsa { n, e }, private)) => {
            let RsaPrivate { d, p, q, dp, dq, qi } = private;
            let (n, e) = (from_base64url(n)?, from_base64url(e)?);
            let pair = RsaKeyPair::from_components(&KeyPairComponents {
                public_key: RsaPublicKeyComponents { n: &n, e: &e },
                d,
                p,
                q,
                dP: dp,
                dQ: dq,
                qInv: qi,
            });
            Some(PrivateKey::Rsa(pair.ok()?, encoding))
        }
        _ => None,
    }
}

/// A new key, with its name.
pub(crate) fn generate(algorithm: Algorithm) -> Result<(String, PrivateParameters), KeyError> {
    let parameters = numbers(algorithm).ok_or(KeyError::Generation)?;
    let kid = match parameters.public() {
        Some(public) => public.thumbprint(),
        None => TokenId::generate().map_err(|_| KeyError::Generation)?.into(),
    };
    Ok((kid, parameters))
}

fn numbers(algorithm: Algorithm) -> Option<PrivateParameters> {
    match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => {
            pem::elliptic_curve_parameters(curve, &EcdsaKeyPair::generate(curve.signing).ok()?)
        }
        KeyType::OctetKeyPair => pem::ed25519_parameters(&Ed25519KeyPair::generate().ok()?),
        KeyType::Rsa(_) => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
            pem::rsa_of_pkcs8(pair.as_der().ok()?.as_ref())
        }
        KeyType::Secret(hash) => {
            let mut secret = vec![0; min_secret_bytes(hash)];
            getrandom::fill(&mut secret).ok()?;
            Some(PrivateParameters::Secret(secret))
        }
    }
}

/// The members of a private JWK.
pub(crate) fn members(
    kid: &str,
    algorithm: Algorithm,
    parameters: &PrivateParameters,
) -> Map<String, Value> {
    let private: &[(&str, &Vec<u8>)] = match parameters {
        PrivateParameters::Secret(secret) => &[("k", secret)],
        PrivateParameters::Scalar(_, scalar) => &[("d", scalar)],
        PrivateParameters::Rsa(_, RsaPrivate { d, p, q, dp, dq, qi }) => {
            &[("d", d), ("p", p), ("q", q), ("dp", dp), ("dq", dq), ("qi", qi)]
        }
    };
    let public = json!(parameters.public()).as_object().cloned();
    let mut key = public.unwrap_or_else(|| Map::from_iter([("kty".to_owned(), "oct".into())]));
    let private = private.iter().map(|(name, number)| (*name, to_base64url(number)));
    let named = [("alg", algorithm.name()), ("kid", kid), ("use", "sig")];
    let named = named.into_iter().map(|(name, text)| (name, text.to_owned()));
    key.extend(named.chain(private).map(|(name, text)| (name.to_owned(), text.into())));
    key
}
