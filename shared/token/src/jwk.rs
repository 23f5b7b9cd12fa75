//! Public keys as JSON (RFC 7517).

use aws_lc_rs::{digest, rsa};
use serde::{Deserialize, Serialize};

use crate::{
    algorithm::{Algorithm, Curve},
    encoding::to_base64url,
};

/// The public half of a signing key, as the JWKS endpoint serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// The key's id, which tokens carry in their header.
    pub kid: String,
    /// The one algorithm that the key is for.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// The key itself.
    #[serde(flatten)]
    pub parameters: PublicParameters,
}

impl PublicJwk {
    pub(crate) fn new(kid: String, algorithm: Algorithm, parameters: PublicParameters) -> Self {
        Self { kid, alg: algorithm.name().to_owned(), usage: "sig".to_owned(), parameters }
    }
}

/// The members of a public key that depend on its type, base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicParameters {
    /// A point on an elliptic curve (RFC 7518 §6.2.1).
    #[serde(rename = "EC")]
    EllipticCurve {
        /// The curve.
        crv: String,
        /// The point's first coordinate.
        x: String,
        /// The point's second coordinate.
        y: String,
    },
    /// An Ed25519 key (RFC 8037 §2).
    #[serde(rename = "OKP")]
    OctetKeyPair {
        /// The curve.
        crv: String,
        /// The key.
        x: String,
    },
    /// An RSA key (RFC 7518 §6.3.1).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
}

impl PublicParameters {
    /// The key's thumbprint (RFC 7638 §3), which serves as its id.
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

/// A JWK set of public keys (RFC 7517 §5). Shared secrets never appear in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwkSet {
    /// The keys, the signing one first.
    pub keys: Vec<PublicJwk>,
}
