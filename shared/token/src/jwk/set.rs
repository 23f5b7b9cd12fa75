//! Reading sets of keys.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::IgnoredAny};

use super::{Jwk, PrivateParameters, PublicParameters, RsaPrivate};
use crate::{
    algorithm::{Algorithm, KeyType},
    encoding,
    error::KeyError,
    flask::{FlaskKey, FlaskMark},
};

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
    n: Option<String>,
    e: Option<String>,
    d: Option<SecretString>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
    oth: Option<IgnoredAny>,
    k: Option<SecretString>,
    #[serde(flatten)]
    flask: FlaskMark,
}

const MAX_KID_BYTES: usize = 128;

/// Reads the keys of a JWK set (RFC 7517 §5), each with a `kid` of its own.
pub(crate) fn parse_jwk_set(json: &str) -> Result<Vec<Jwk>, KeyError> {
    // The parser's own message could quote the text, so it is not passed on.
    let set: JwkSetText = serde_json::from_str(json)
        .map_err(|_| KeyError::NotAJwkSet("expected {\"keys\":[…]} with keys"))?;
    check_symmetry(&set.keys)?;
    let mut keys = Vec::<Jwk>::new();
    for text in set.keys {
        let key = text.check()?;
        if keys.iter().any(|other| other.kid() == key.kid()) {
            return Err(KeyError::DuplicateKeyId(key.kid().to_owned()));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A verifier that holds a shared secret can sign, and one that holds a public key cannot: a set is
/// for the one or for the other. Secrets of a Flask service verify that service's tokens only.
fn check_symmetry(keys: &[JwkText]) -> Result<(), KeyError> {
    let mut ours = keys.iter().filter(|key| !key.flask.is_marked());
    let is_secret = |key: &JwkText| key.kty == "oct";
    let first = ours.next().map(is_secret);
    if ours.any(|key| Some(is_secret(key)) != first) {
        return Err(KeyError::MixedSecrets);
    }
    Ok(())
}

impl JwkText {
    fn check(self) -> Result<Jwk, KeyError> {
        let kid = self
            .kid
            .clone()
            .filter(|kid| (1..=MAX_KID_BYTES).contains(&kid.len()))
            .ok_or(KeyError::BadKeyId)?;
        let unsupported = |reason| KeyError::Unsupported { kid: kid.clone(), reason };
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return Err(unsupported("`use` is not `sig`"));
        }
        let algorithm = self
            .alg
            .as_deref()
            .and_then(Algorithm::parse)
            .ok_or_else(|| unsupported("`alg` is missing or not one of ours"))?;
        if self.flask.is_marked() {
            let secret = self.secret().ok_or_else(|| unsupported("`k` is missing"))?;
            return FlaskKey::new(kid, algorithm, &secret, self.flask).map(Jwk::Flask);
        }
        let is_private = self.d.is_some() || self.k.is_some();
        let operation = if is_private { "sign" } else { "verify" };
        if self.key_ops.as_ref().is_some_and(|allowed| !allowed.iter().any(|o| o == operation)) {
            return Err(unsupported("`key_ops` has no `sign`, or `verify` for a public key"));
        }
        let is_of_type = match algorithm.key_type() {
            KeyType::EllipticCurve(curve) => {
                self.kty == "EC" && self.crv.as_deref() == Some(curve.name)
            }
            KeyType::OctetKeyPair => self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519"),
            KeyType::Rsa(_) => self.kty == "RSA",
            KeyType::Secret(_) => self.kty == "oct",
        };
        if !is_of_type {
            return Err(unsupported("`kty` or `crv` does not go with `alg`"));
        }
        let incomplete = || unsupported("a member of the key is missing or not base64url");
        if is_private {
            let parameters = self.private().ok_or_else(incomplete)?;
            Ok(Jwk::Private { kid, algorithm, parameters })
        } else {
            let parameters = self.public().ok_or_else(incomplete)?;
            Ok(Jwk::Public { kid, algorithm, parameters })
        }
    }

    fn public(&self) -> Option<PublicParameters> {
        match self.kty.as_str() {
            "EC" => Some(PublicParameters::EllipticCurve {
                crv: self.crv.clone()?,
                x: self.x.clone()?,
                y: self.y.clone()?,
            }),
            "OKP" => {
                Some(PublicParameters::OctetKeyPair { crv: self.crv.clone()?, x: self.x.clone()? })
            }
            "RSA" => Some(PublicParameters::Rsa { n: self.n.clone()?, e: self.e.clone()? }),
            _ => None,
        }
    }

    fn private(&self) -> Option<PrivateParameters> {
        if self.kty == "oct" {
            return self.secret().map(PrivateParameters::Secret);
        }
        let public = self.public()?;
        let d = bytes(self.d.as_ref())?;
        if self.kty != "RSA" {
            return Some(PrivateParameters::Scalar(public, d));
        }
        // Keys of more than two primes are nobody's (RFC 7518 §6.3.2.7).
        let private = RsaPrivate {
            d,
            p: bytes(self.p.as_ref())?,
            q: bytes(self.q.as_ref())?,
            dp: bytes(self.dp.as_ref())?,
            dq: bytes(self.dq.as_ref())?,
            qi: bytes(self.qi.as_ref())?,
        };
        self.oth.is_none().then_some(PrivateParameters::Rsa(public, private))
    }

    fn secret(&self) -> Option<Vec<u8>> {
        bytes(self.k.as_ref())
    }
}

fn bytes(member: Option<&SecretString>) -> Option<Vec<u8>> {
    encoding::from_base64url(member?.expose_secret())
}
