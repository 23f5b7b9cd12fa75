//! JWK sets (RFC 7517 §5) as text: the members of their keys, not yet checked as keys.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    algorithm::{Algorithm, KeyType},
    encoding::from_base64url,
    error::KeyError,
    jwk::PublicParameters,
};

#[derive(Deserialize)]
struct JwkSetMembers {
    keys: Vec<JwkMembers>,
}

/// Derived `Deserialize` refuses repeated members.
#[derive(Deserialize)]
pub(crate) struct JwkMembers {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    pub(crate) x: Option<String>,
    pub(crate) y: Option<String>,
    pub(crate) n: Option<String>,
    pub(crate) e: Option<String>,
    pub(crate) d: Option<SecretString>,
    pub(crate) p: Option<SecretString>,
    pub(crate) q: Option<SecretString>,
    pub(crate) dp: Option<SecretString>,
    pub(crate) dq: Option<SecretString>,
    pub(crate) qi: Option<SecretString>,
    oth: Option<IgnoredAny>,
    k: Option<SecretString>,
    #[serde(flatten)]
    legacy: LegacyMembers,
}

/// The members that mark the key of a legacy service.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LegacyMembers {
    pub(crate) minted_by: Option<Minter>,
    pub(crate) identity_claim: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) aud: Option<OneOrMany>,
}

/// The library that signed a legacy service's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Minter {
    /// Flask-JWT-Extended.
    Flask,
    /// Flask-JWT.
    FlaskJwt,
}

/// One string or a list, as in `aud` (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

const MAX_KID_BYTES: usize = 128;

/// A key of a set, whose `kid`, `alg` and `use` were checked.
pub(crate) struct Jwk {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) members: JwkMembers,
}

/// Reads the keys of a JWK set. No two have the same `kid`.
pub(crate) fn parse_jwk_set(json: &str) -> Result<Vec<Jwk>, KeyError> {
    // The parser's own message could quote the text, so it is not passed on.
    let set: JwkSetMembers = serde_json::from_str(json)
        .map_err(|_| KeyError::NotAJwkSet("expected {\"keys\":[…]} with keys"))?;
    let mut keys = Vec::<Jwk>::new();
    for members in set.keys {
        let key = Jwk::new(members)?;
        if keys.iter().any(|other| other.kid == key.kid) {
            return Err(KeyError::DuplicateKeyId(key.kid));
        }
        keys.push(key);
    }
    Ok(keys)
}

impl Jwk {
    fn new(members: JwkMembers) -> Result<Self, KeyError> {
        let kid = members.kid.clone();
        let kid = kid.filter(|kid| (1..=MAX_KID_BYTES).contains(&kid.len()));
        let kid = kid.ok_or(KeyError::BadKeyId)?;
        let unsupported = |reason| KeyError::Unsupported { kid: kid.clone(), reason };
        if members.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return Err(unsupported("`use` is not `sig`"));
        }
        let algorithm = members.alg.as_deref().and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or_else(|| unsupported("`alg` is missing or unknown"))?;
        Ok(Self { kid, algorithm, members })
    }

    pub(crate) fn unsupported(&self, reason: &'static str) -> KeyError {
        KeyError::Unsupported { kid: self.kid.clone(), reason }
    }

    pub(crate) fn invalid(&self) -> KeyError {
        KeyError::Invalid(self.kid.clone())
    }

    pub(crate) const fn is_private(&self) -> bool {
        self.members.d.is_some() || self.members.k.is_some()
    }

    /// The members of a legacy service's key.
    pub(crate) fn legacy(&self) -> Option<(Minter, &LegacyMembers)> {
        let legacy = &self.members.legacy;
        Some((legacy.minted_by?, legacy))
    }

    /// Whether the key is of its algorithm's type and may be used for `operation`.
    pub(crate) fn check_usage(&self, operation: &str) -> Result<(), KeyError> {
        let JwkMembers { kty, crv, key_ops, .. } = &self.members;
        if key_ops.as_ref().is_some_and(|allowed| !allowed.iter().any(|name| name == operation)) {
            return Err(self.unsupported("`key_ops` has no `sign`, or `verify` for a public key"));
        }
        let is_of_type = match self.algorithm.key_type() {
            KeyType::EllipticCurve(curve) => kty == "EC" && crv.as_deref() == Some(curve.name),
            KeyType::Ed25519 => kty == "OKP" && crv.as_deref() == Some("Ed25519"),
            KeyType::Rsa(_) => kty == "RSA",
            KeyType::Secret(_) => kty == "oct",
        };
        // RFC 7518 §6.3.2.7: keys of more than two primes are not supported.
        if is_of_type && self.members.oth.is_none() {
            Ok(())
        } else {
            Err(self.unsupported("`kty` or `crv` does not go with `alg`"))
        }
    }

    /// The members of the public half, still text.
    pub(crate) fn public(&self) -> Result<PublicParameters, KeyError> {
        let JwkMembers { crv, x, y, n, e, .. } = &self.members;
        let text = |member: &Option<String>| member.clone().ok_or_else(|| self.incomplete());
        Ok(match self.algorithm.key_type() {
            KeyType::EllipticCurve(_) => {
                PublicParameters::EllipticCurve { crv: text(crv)?, x: text(x)?, y: text(y)? }
            }
            KeyType::Ed25519 => PublicParameters::OctetKeyPair { crv: text(crv)?, x: text(x)? },
            KeyType::Rsa(_) => PublicParameters::Rsa { n: text(n)?, e: text(e)? },
            KeyType::Secret(_) => return Err(self.incomplete()),
        })
    }

    pub(crate) fn number(&self, member: Option<&String>) -> Result<Vec<u8>, KeyError> {
        member.and_then(|text| from_base64url(text)).ok_or_else(|| self.incomplete())
    }

    pub(crate) fn secret(&self, member: Option<&SecretString>) -> Result<Vec<u8>, KeyError> {
        let bytes = member.and_then(|text| from_base64url(text.expose_secret()));
        bytes.ok_or_else(|| self.incomplete())
    }

    pub(crate) fn shared_secret(&self) -> Result<Vec<u8>, KeyError> {
        self.secret(self.members.k.as_ref())
    }

    fn incomplete(&self) -> KeyError {
        self.unsupported("a member of the key is missing or not base64url")
    }
}
