//! Public keys as JWKs (RFC 7517).

use aws_lc_rs::{digest, rsa};
use serde::{Deserialize, Serialize};

use crate::{
    algorithm::{Algorithm, Curve},
    encoding::to_base64url,
};

/// A public key, as the JWKS endpoint serves it (RFC 7517 §4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// The id of the key: `kid` in the header of its tokens.
    pub kid: String,
    /// The name of the key's only algorithm (RFC 7518 §3.1), such as `ES256`.
    pub alg: String,
    /// `use`: always `sig` (RFC 7517 §4.2).
    #[serde(rename = "use")]
    pub usage: String,
    /// `kty` and the members that depend on it.
    #[serde(flatten)]
    pub parameters: PublicParameters,
}

impl PublicJwk {
    pub(crate) fn new(kid: String, algorithm: Algorithm, parameters: PublicParameters) -> Self {
        Self { kid, alg: algorithm.name().to_owned(), usage: "sig".to_owned(), parameters }
    }
}

/// The members of a public key that depend on its type. Numbers and points are base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicParameters {
    /// A point on an elliptic curve (RFC 7518 §6.2.1).
    #[serde(rename = "EC")]
    EllipticCurve {
        /// The curve: `P-256` or `P-384`.
        crv: String,
        /// The x coordinate, 32 or 48 bytes.
        x: String,
        /// The y coordinate, 32 or 48 bytes.
        y: String,
    },
    /// An Ed25519 key (RFC 8037 §2).
    #[serde(rename = "OKP")]
    OctetKeyPair {
        /// The curve: `Ed25519`.
        crv: String,
        /// The public key, 32 bytes.
        x: String,
    },
    /// An RSA key (RFC 7518 §6.3.1).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, 2048 to 8192 bits, big-endian.
        n: String,
        /// The public exponent, big-endian.
        e: String,
    },
}

impl PublicParameters {
    /// The SHA-256 thumbprint in base64url (RFC 7638 §3), the `kid` of generated keys.
    pub fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::EllipticCurve { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::OctetKeyPair { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        to_base64url(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// `point` is uncompressed: `04 ‖ x ‖ y` (SEC 1 §2.3.3).
    pub(crate) fn of_point(curve: Curve, point: &[u8]) -> Option<Self> {
        let coordinates = point.strip_prefix(&[4])?;
        let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
        let crv = curve.name.to_owned();
        Some(Self::EllipticCurve { crv, x: to_base64url(x), y: to_base64url(y) })
    }

    pub(crate) fn of_ed25519(key: &[u8]) -> Self {
        Self::OctetKeyPair { crv: "Ed25519".to_owned(), x: to_base64url(key) }
    }

    pub(crate) fn of_rsa(key: &rsa::PublicKey) -> Self {
        let components = rsa::PublicKeyComponents::<Vec<u8>>::from(key);
        Self::Rsa { n: to_base64url(components.n), e: to_base64url(components.e) }
    }
}

/// A JWK set of public keys (RFC 7517 §5). It never contains shared secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwkSet {
    /// The keys. The signing key comes first in a set that [`KeySet`](crate::KeySet) returns.
    pub keys: Vec<PublicJwk>,
}
