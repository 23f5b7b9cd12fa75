//! Keys as JSON (RFC 7517): private ones in, public ones out.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{encoding, error::KeyError, key::Algorithm};

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

/// The members of a public key that depend on its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicParameters {
    /// A point on an elliptic curve (RFC 7518 §6.2.1).
    #[serde(rename = "EC")]
    EllipticCurve {
        /// The curve.
        crv: String,
        /// The point's first coordinate, base64url.
        x: String,
        /// The point's second coordinate, base64url.
        y: String,
    },
}

/// A JWK set of public keys (RFC 7517 §5). A secret that is shared with a verifier has no public
/// half and never appears in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwkSet {
    /// The keys, the signing one first.
    pub keys: Vec<PublicJwk>,
}

/// The private half of an elliptic-curve key, with the public half that must belong to it.
pub(crate) struct EllipticCurveKey {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) scalar: Vec<u8>,
}

impl EllipticCurveKey {
    /// The point in the form that the cryptography library reads: `04 ‖ x ‖ y` (SEC 1 §2.3.3).
    pub(crate) fn point(&self) -> Option<Vec<u8>> {
        let (x, y) = (encoding::from_base64url(&self.x)?, encoding::from_base64url(&self.y)?);
        (x.len() == 32 && y.len() == 32).then(|| [&[4][..], &x, &y].concat())
    }
}

pub(crate) enum PrivateParameters {
    EllipticCurve(EllipticCurveKey),
    Secret(Vec<u8>),
}

/// One private key of a set, its members checked for agreement but not yet its numbers.
pub(crate) struct PrivateJwk {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) parameters: PrivateParameters,
}

#[derive(Deserialize)]
struct JwkSetText {
    keys: Vec<JwkText>,
}

/// A key as it is written. Derived `Deserialize` refuses repeated members.
#[derive(Deserialize)]
struct JwkText {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<SecretString>,
    k: Option<SecretString>,
}

const MAX_KID_BYTES: usize = 128;

/// Reads a private JWK set.
pub(crate) fn parse_private_set(json: &SecretString) -> Result<Vec<PrivateJwk>, KeyError> {
    // The parser's own message could quote the text, so it is not passed on.
    let set: JwkSetText = serde_json::from_str(json.expose_secret())
        .map_err(|_| KeyError::NotAJwkSet("expected {\"keys\":[…]} with private keys"))?;
    set.keys.into_iter().map(JwkText::check).collect()
}

impl JwkText {
    fn check(self) -> Result<PrivateJwk, KeyError> {
        let kid = self
            .kid
            .filter(|kid| (1..=MAX_KID_BYTES).contains(&kid.len()))
            .ok_or(KeyError::BadKeyId)?;
        let unsupported = |reason| KeyError::Unsupported { kid: kid.clone(), reason };
        if self.usage.is_some_and(|usage| usage != "sig") {
            return Err(unsupported("`use` is not `sig`"));
        }
        if self.key_ops.is_some_and(|operations| !operations.iter().any(|name| name == "sign")) {
            return Err(unsupported("`key_ops` has no `sign`"));
        }
        let algorithm = self
            .alg
            .as_deref()
            .and_then(Algorithm::parse)
            .ok_or_else(|| unsupported("`alg` is missing or not one of ES256, HS256"))?;
        let private_bytes = |member: Option<SecretString>| {
            member.and_then(|text| encoding::from_base64url(text.expose_secret()))
        };
        let parameters = match (algorithm, self.kty.as_str()) {
            (Algorithm::Es256, "EC") if self.crv.as_deref() == Some("P-256") => {
                let (Some(x), Some(y), Some(scalar)) = (self.x, self.y, private_bytes(self.d))
                else {
                    return Err(unsupported("`x`, `y` or `d` is missing or not base64url"));
                };
                PrivateParameters::EllipticCurve(EllipticCurveKey { x, y, scalar })
            }
            (Algorithm::Hs256, "oct") => PrivateParameters::Secret(
                private_bytes(self.k)
                    .ok_or_else(|| unsupported("`k` is missing or not base64url"))?,
            ),
            (Algorithm::Es256 | Algorithm::Hs256, _) => {
                return Err(unsupported("`kty` or `crv` does not go with `alg`"));
            }
        };
        Ok(PrivateJwk { kid, algorithm, parameters })
    }
}
