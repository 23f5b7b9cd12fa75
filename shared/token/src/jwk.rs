//! Keys as JSON (RFC 7517): private and public ones in, public ones out.

mod set;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

pub(crate) use set::parse_jwk_set;

use crate::{algorithm::Algorithm, encoding, flask::FlaskKey};

/// The public half of a signing key, as the JWKS endpoint serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// The key's name, which tokens carry in their header.
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
    /// A key of Ed25519 (RFC 8037 §2).
    #[serde(rename = "OKP")]
    OctetKeyPair {
        /// The curve.
        crv: String,
        /// The key.
        x: String,
    },
    /// A key of RSA (RFC 7518 §6.3.1).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
}

impl PublicParameters {
    /// The key's name among all keys: its thumbprint (RFC 7638 §3).
    pub fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::EllipticCurve { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::OctetKeyPair { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        let thumbprint = digest::digest(&digest::SHA256, canonical.as_bytes());
        encoding::to_base64url(thumbprint.as_ref())
    }
}

/// A JWK set of public keys (RFC 7517 §5). A secret that is shared with a verifier has no public
/// half and never appears in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwkSet {
    /// The keys, the signing one first.
    pub keys: Vec<PublicJwk>,
}

/// A key that signs, its members complete but its numbers not yet checked.
#[derive(Clone)]
pub(crate) enum PrivateParameters {
    /// A public key with the scalar of a curve, or the seed of Ed25519.
    Scalar(PublicParameters, Vec<u8>),
    Rsa(PublicParameters, RsaPrivate),
    Secret(Vec<u8>),
}

impl PrivateParameters {
    /// The half that may be shown; a secret has none.
    pub(crate) const fn public(&self) -> Option<&PublicParameters> {
        match self {
            Self::Scalar(public, _) | Self::Rsa(public, _) => Some(public),
            Self::Secret(_) => None,
        }
    }
}

/// The private numbers of an RSA key, big-endian.
#[derive(Clone)]
pub(crate) struct RsaPrivate {
    pub(crate) d: Vec<u8>,
    pub(crate) p: Vec<u8>,
    pub(crate) q: Vec<u8>,
    pub(crate) dp: Vec<u8>,
    pub(crate) dq: Vec<u8>,
    pub(crate) qi: Vec<u8>,
}

/// One key of a set: its members agree, its numbers are not yet checked.
pub(crate) enum Jwk {
    Private { kid: String, algorithm: Algorithm, parameters: PrivateParameters },
    Public { kid: String, algorithm: Algorithm, parameters: PublicParameters },
    Flask(FlaskKey),
}

impl Jwk {
    pub(crate) fn kid(&self) -> &str {
        match self {
            Self::Private { kid, .. } | Self::Public { kid, .. } => kid,
            Self::Flask(key) => key.kid(),
        }
    }
}
