//! Keys that verify, found by `kid` among our own and nowhere else.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use jsonwebtoken::DecodingKey;

use crate::{
    algorithm::{Algorithm, Curve, KeyType, min_secret_bytes},
    encoding,
    error::KeyError,
    jwk::{Jwk, PublicJwk, PublicJwkSet, PublicParameters, parse_jwk_set},
    pem,
    timestamp::Timestamp,
};

/// The least size of an RSA modulus (RFC 7518 §3.3), and the largest that the library takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A key that verifies what its private half has signed.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    material: Material,
    /// `None` for a secret.
    jwk: Option<PublicJwk>,
    /// From when on a replaced key is not accepted.
    until: Option<Timestamp>,
}

/// What verifies. `jsonwebtoken` would read a point anew, and check that it lies on its curve, for
/// each signature: for P-384 an eighth of what the check costs.
#[derive(Clone)]
enum Material {
    Curve(Arc<ParsedPublicKey>),
    Jws(DecodingKey),
}

impl VerifyingKey {
    pub(crate) fn from_public(
        kid: String,
        algorithm: Algorithm,
        parameters: PublicParameters,
    ) -> Result<Self, KeyError> {
        let material = public_material(algorithm, &parameters)
            .ok_or_else(|| KeyError::Invalid(kid.clone()))?;
        let alg = algorithm.name().to_owned();
        let jwk = PublicJwk { kid: kid.clone(), alg, usage: "sig".to_owned(), parameters };
        Ok(Self { kid, algorithm, material, jwk: Some(jwk), until: None })
    }

    pub(crate) fn from_secret(
        kid: String,
        algorithm: Algorithm,
        secret: &[u8],
    ) -> Result<Self, KeyError> {
        let KeyType::Secret(hash) = algorithm.key_type() else {
            let reason = "a shared secret is for HS256, HS384 and HS512";
            return Err(KeyError::Unsupported { kid, reason });
        };
        let needed = min_secret_bytes(hash);
        if secret.len() < needed {
            let (algorithm, bytes) = (algorithm.name(), secret.len());
            return Err(KeyError::ShortSecret { algorithm, bytes, needed });
        }
        let material = Material::Jws(DecodingKey::from_secret(secret));
        Ok(Self { kid, algorithm, material, jwk: None, until: None })
    }

    /// Reads a public key.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for an unknown `alg`, or a `use` that is not `sig`;
    /// [`KeyError::Invalid`] for numbers that are no key for it.
    pub fn from_jwk(jwk: &PublicJwk) -> Result<Self, KeyError> {
        let unsupported = |reason| KeyError::Unsupported { kid: jwk.kid.clone(), reason };
        if jwk.usage != "sig" {
            return Err(unsupported("`use` is not `sig`"));
        }
        let algorithm = Algorithm::parse(&jwk.alg);
        let algorithm = algorithm.ok_or_else(|| unsupported("`alg` is not one of ours"))?;
        Self::from_public(jwk.kid.clone(), algorithm, jwk.parameters.clone())
    }

    /// The same key, whose tokens are refused from `until` on: a replaced key that was stolen is of
    /// no use then.
    #[must_use]
    pub fn accepted_until(self, until: Option<Timestamp>) -> Self {
        Self { until, ..self }
    }

    /// The name by which tokens call it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that it is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// From when on nothing that it has signed is accepted any more; `None` for a key that was not
    /// replaced.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether `signature`, in canonical base64url, is this key's over `message`.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        match &self.material {
            Material::Curve(key) => encoding::from_base64url(signature)
                .is_some_and(|signature| key.verify_sig(message, &signature).is_ok()),
            Material::Jws(key) => {
                jsonwebtoken::crypto::verify(signature, message, key, self.algorithm.jws())
                    .unwrap_or(false)
            }
        }
    }
}

/// The key in the form that signatures are checked with; `None` when its numbers are not a key.
fn public_material(algorithm: Algorithm, parameters: &PublicParameters) -> Option<Material> {
    let decode = |text: &str| encoding::from_base64url(text);
    match (algorithm.key_type(), parameters) {
        (KeyType::EllipticCurve(curve), PublicParameters::EllipticCurve { crv, x, y })
            if crv == curve.name =>
        {
            let point = point(curve, &decode(x)?, &decode(y)?)?;
            let key = ParsedPublicKey::new(curve.verification, &point).ok()?;
            Some(Material::Curve(Arc::new(key)))
        }
        (KeyType::OctetKeyPair, PublicParameters::OctetKeyPair { crv, x }) if crv == "Ed25519" => {
            let key = decode(x).filter(|key| key.len() == 32)?;
            ParsedPublicKey::new(&ED25519, &key).ok()?;
            Some(Material::Jws(DecodingKey::from_ed_der(&key)))
        }
        (KeyType::Rsa(_), PublicParameters::Rsa { n, e }) => {
            let (n, e) = (decode(n)?, decode(e)?);
            let leading_zeros = n.first()?.leading_zeros() as usize;
            let is_canonical = leading_zeros < 8 && *e.first()? != 0;
            if !is_canonical || !RSA_BITS.contains(&(n.len() * 8 - leading_zeros)) {
                return None;
            }
            let components = RsaPublicKeyComponents { n: &n, e: &e };
            components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?;
            Some(Material::Jws(DecodingKey::from_rsa_raw_components(&n, &e)))
        }
        _ => None,
    }
}

/// The point in the form that the cryptography library reads: `04 ‖ x ‖ y` (SEC 1 §2.3.3).
pub(crate) fn point(curve: Curve, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    let has_size = x.len() == curve.coordinate_bytes && y.len() == curve.coordinate_bytes;
    has_size.then(|| [&[4], x, y].concat())
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
    /// Reads a JWK set of public keys (RFC 7517), for who verifies and does not sign.
    ///
    /// # Errors
    /// [`KeyError`]: the whole set is refused for one bad key, and for one that is private.
    pub fn parse(jwk_set: &str) -> Result<Self, KeyError> {
        let read = |key| match key {
            Jwk::Public { kid, algorithm, parameters } => {
                VerifyingKey::from_public(kid, algorithm, parameters)
            }
            private @ (Jwk::Private { .. } | Jwk::Flask(_)) => Err(KeyError::Unsupported {
                kid: private.kid().to_owned(),
                reason: "a verifier is given public keys only",
            }),
        };
        let keys: Self = parse_jwk_set(jwk_set)?.into_iter().map(read).collect::<Result<_, _>>()?;
        if keys.0.is_empty() { Err(KeyError::Empty) } else { Ok(keys) }
    }

    /// Reads one public key in PEM (`BEGIN PUBLIC KEY`). Its `kid` is its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// [`KeyError::NotPem`] when it is no key for `algorithm`, [`KeyError::Invalid`] when its
    /// numbers are none.
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let parameters = pem::public(algorithm, pem).ok_or(KeyError::NotPem(algorithm.name()))?;
        let key = VerifyingKey::from_public(parameters.thumbprint(), algorithm, parameters)?;
        Ok(Self(vec![key]))
    }

    /// The key of that name.
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.kid == kid)
    }

    /// The public keys. Shared secrets are left out.
    pub fn public_jwk_set(&self) -> PublicJwkSet {
        PublicJwkSet { keys: self.0.iter().filter_map(|key| key.jwk.clone()).collect() }
    }

    /// Those of the public keys that tokens are accepted from at that moment, for the JWKS endpoint.
    pub fn public_jwk_set_at(&self, now: Timestamp) -> PublicJwkSet {
        let is_accepted = |key: &&VerifyingKey| key.until.is_none_or(|until| now < until);
        let accepted = self.0.iter().filter(is_accepted);
        PublicJwkSet { keys: accepted.filter_map(|key| key.jwk.clone()).collect() }
    }
}

impl FromIterator<VerifyingKey> for VerifyingKeys {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}
