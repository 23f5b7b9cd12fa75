//! Parsing JWK sets (RFC 7517 §5). The numbers in the keys are checked later.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use crate::{
    algorithm::{Algorithm, KeyType},
    encoding::from_base64url,
    error::KeyError,
    jwk::{
        PublicJwk,
        PublicParameters::{self, EllipticCurve, OctetKeyPair, Rsa},
    },
};

#[derive(Deserialize)]
struct JwkSetMembers {
    keys: Vec<JwkMembers>,
}

/// The derived `Deserialize` refuses repeated members.
#[derive(Deserialize)]
struct JwkMembers {
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    oth: Option<IgnoredAny>,
    /// `None` if a member is missing or `kty` is unknown.
    #[serde(flatten)]
    key: Option<KeyMembers>,
    #[serde(flatten)]
    private: PrivateMembers,
    #[serde(flatten)]
    legacy: LegacyMembers,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum KeyMembers {
    Public(PublicParameters),
    Secret(SecretMembers),
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
pub(crate) enum SecretMembers {
    #[serde(rename = "oct")]
    Oct { k: SecretString },
}

/// The private members of a key: big-endian numbers in base64url.
#[derive(Deserialize)]
pub(crate) struct PrivateMembers {
    pub(crate) d: Option<SecretString>,
    pub(crate) p: Option<SecretString>,
    pub(crate) q: Option<SecretString>,
    pub(crate) dp: Option<SecretString>,
    pub(crate) dq: Option<SecretString>,
    pub(crate) qi: Option<SecretString>,
}

/// The members that mark the key of a legacy service.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LegacyMembers {
    pub(crate) minted_by: Option<Minter>,
    pub(crate) identity_claim: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) aud: Option<OneOrMany>,
}

/// The library that signed the tokens of a legacy service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Minter {
    /// Flask-JWT-Extended.
    Flask,
    /// Flask-JWT.
    FlaskJwt,
}

/// One string or a list of strings, like `aud` (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

const MAX_KID_BYTES: usize = 128;

/// A key of a set. Its members are consistent; its numbers are not checked yet.
pub(crate) struct Jwk {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: KeyMembers,
    pub(crate) private: PrivateMembers,
    pub(crate) legacy: LegacyMembers,
}

use KeyMembers::{Public, Secret};

/// Parses the keys of a JWK set. Their `kid`s are unique.
pub(crate) fn parse_jwk_set(json: &str) -> Result<Vec<Jwk>, KeyError> {
    // The parser's message could quote key material, so it is dropped.
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
    pub(crate) fn from_public(jwk: &PublicJwk) -> Result<Self, KeyError> {
        let members = serde_json::from_value(json!(jwk));
        Self::new(members.map_err(|_| KeyError::Invalid(jwk.kid.clone()))?)
    }

    fn new(members: JwkMembers) -> Result<Self, KeyError> {
        let kid = members.kid.filter(|kid| (1..=MAX_KID_BYTES).contains(&kid.len()));
        let kid = kid.ok_or(KeyError::BadKeyId)?;
        let unsupported = |reason| KeyError::Unsupported { kid: kid.clone(), reason };
        if members.usage.is_some_and(|usage| usage != "sig") {
            return Err(unsupported("`use` is not `sig`"));
        }
        let algorithm = members.alg.as_deref().and_then(Algorithm::parse);
        let algorithm = algorithm.ok_or_else(|| unsupported("`alg` is missing or unknown"))?;
        let key = members.key.ok_or_else(|| unsupported("a member of the key is missing"))?;
        let is_of_type = match (algorithm.key_type(), &key) {
            (KeyType::EllipticCurve(curve), Public(EllipticCurve { crv, .. })) => crv == curve.name,
            (KeyType::Ed25519, Public(OctetKeyPair { crv, .. })) => crv == "Ed25519",
            // `oth` means more than two primes (RFC 7518 §6.3.2.7), which is not supported.
            (KeyType::Rsa(_), Public(Rsa { .. })) => members.oth.is_none(),
            (KeyType::Secret(_), Secret(_)) => true,
            _ => false,
        };
        if !is_of_type {
            return Err(unsupported("`kty` or `crv` does not go with `alg`"));
        }
        let (private, legacy) = (members.private, members.legacy);
        let jwk = Self { kid, algorithm, key, private, legacy };
        let operation = if jwk.is_private() { "sign" } else { "verify" };
        let is_allowed = |allowed: Vec<String>| allowed.iter().any(|name| name == operation);
        if jwk.legacy.minted_by.is_some() || members.key_ops.is_none_or(is_allowed) {
            Ok(jwk)
        } else {
            Err(jwk.unsupported("`key_ops` has no `sign`, or `verify` for a public key"))
        }
    }

    pub(crate) fn unsupported(&self, reason: &'static str) -> KeyError {
        KeyError::Unsupported { kid: self.kid.clone(), reason }
    }

    pub(crate) const fn is_private(&self) -> bool {
        self.private.d.is_some() || matches!(self.key, Secret(_))
    }

    pub(crate) fn decode(&self, secret: &SecretString) -> Result<Vec<u8>, KeyError> {
        let bytes = from_base64url(secret.expose_secret());
        bytes.ok_or_else(|| KeyError::Invalid(self.kid.clone()))
    }
}
