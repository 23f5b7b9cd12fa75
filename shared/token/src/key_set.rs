//! The keys of a function that signs: the one that signs, and all that verify.

use secrecy::{ExposeSecret, SecretString};

use crate::{
    algorithm::Algorithm,
    error::KeyError,
    flask::FlaskKeys,
    jwk::{Jwk, PrivateParameters, PublicJwkSet, PublicParameters, parse_jwk_set},
    pem,
    signing::SigningKey,
    verifying::{VerifyingKey, VerifyingKeys},
};

/// The `kid` of a secret that came without one.
const SHARED_SECRET_KID: &str = "shared-secret";

/// A key that signs, and all keys that verify, its public half among them.
#[derive(Debug)]
pub struct KeySet {
    signing: SigningKey,
    verifying: VerifyingKeys,
    flask: FlaskKeys,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517). Its first key is private and signs; the others, private or
    /// public, verify. Keys that are marked as a Flask service's verify that service's tokens.
    ///
    /// # Errors
    /// Every variant of [`KeyError`] but `Generation`: the whole set is refused for one bad key.
    pub fn parse(jwk_set: &SecretString) -> Result<Self, KeyError> {
        let (mut signing, mut others, mut flask) = (None, Vec::new(), Vec::new());
        for key in parse_jwk_set(jwk_set.expose_secret())? {
            match key {
                Jwk::Private { kid, algorithm, parameters } => {
                    let key = SigningKey::new(kid, algorithm, parameters)?;
                    if signing.is_none() && others.is_empty() {
                        signing = Some(key);
                    } else {
                        others.push(key.into_public());
                    }
                }
                Jwk::Public { kid, algorithm, parameters } => {
                    others.push(VerifyingKey::from_public(kid, algorithm, parameters)?);
                }
                Jwk::Flask(key) => flask.push(key),
            }
        }
        match signing {
            Some(signing) => {
                let public = std::iter::once(signing.public().clone());
                let verifying = public.chain(others).collect();
                Ok(Self { signing, verifying, flask: FlaskKeys::new(flask) })
            }
            None if others.is_empty() => Err(KeyError::Empty),
            None => Err(KeyError::NoSigningKey),
        }
    }

    /// One private key in PEM: PKCS #8, PKCS #1 or SEC 1. Its `kid` is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::NotPem`] when it is no key for `algorithm`, [`KeyError::Invalid`] when its
    /// numbers are none.
    pub fn from_pem(algorithm: Algorithm, pem: &SecretString) -> Result<Self, KeyError> {
        let parameters = pem::private(algorithm, pem.expose_secret());
        let parameters = parameters.ok_or(KeyError::NotPem(algorithm.name()))?;
        let kid = parameters
            .public()
            .map_or_else(|| SHARED_SECRET_KID.to_owned(), PublicParameters::thumbprint);
        SigningKey::new(kid, algorithm, parameters).map(Self::of)
    }

    /// One secret that another service shares, for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// [`KeyError::ShortSecret`] for less than 32, 48 or 64 bytes, [`KeyError::Unsupported`] for
    /// another algorithm.
    pub fn from_shared_secret(
        algorithm: Algorithm,
        secret: &SecretString,
    ) -> Result<Self, KeyError> {
        let bytes = secret.expose_secret().as_bytes().to_vec();
        let parameters = PrivateParameters::Secret(bytes);
        SigningKey::new(SHARED_SECRET_KID.to_owned(), algorithm, parameters).map(Self::of)
    }

    fn of(signing: SigningKey) -> Self {
        let verifying = std::iter::once(signing.public().clone()).collect();
        Self { signing, verifying, flask: FlaskKeys::default() }
    }

    /// The same key that signs, and `verifying` in place of the keys that verify.
    #[must_use]
    pub fn with_verifying_keys(self, verifying: VerifyingKeys) -> Self {
        Self { verifying, ..self }
    }

    /// The halves that verify.
    pub fn verifying_keys(&self) -> VerifyingKeys {
        self.verifying.clone()
    }

    /// The public keys, for the JWKS endpoint. Shared secrets are left out.
    pub fn public_jwk_set(&self) -> PublicJwkSet {
        self.verifying.public_jwk_set()
    }

    /// The keys that verify a Flask service's tokens.
    pub fn flask_keys(&self) -> FlaskKeys {
        self.flask.clone()
    }

    /// The algorithm of the key that signs.
    pub const fn algorithm(&self) -> Algorithm {
        self.signing.public().algorithm()
    }

    /// The key that signs.
    pub fn into_signing_key(self) -> SigningKey {
        self.signing
    }
}
