//! Tokens that a Flask service has minted, which keep working until they expire.
//!
//! Such a token names no key, no session and no issuer. It is accepted by a secret that the key
//! ring marks as that service's, and by nothing else; that secret signs nothing.

mod read;

use std::{fmt, time::Duration};

use jsonwebtoken::DecodingKey;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{
    AdditionalClaims, PresentedToken, SessionId, Timestamp, TokenId,
    algorithm::{Algorithm, KeyType},
    claims::TokenType,
    encoding,
    error::{KeyError, TokenError},
    jwk::{Jwk, parse_jwk_set},
};

/// An old service's secret may be shorter than RFC 7518 wants; this much it has.
const MIN_SECRET_BYTES: usize = 16;

/// Which library minted a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Minter {
    /// Flask-JWT-Extended.
    Flask,
    /// Flask-JWT.
    FlaskJwt,
}

/// The members that make a JWK a Flask service's.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FlaskMark {
    minted_by: Option<Minter>,
    identity_claim: Option<String>,
    iss: Option<String>,
    aud: Option<OneOrMany>,
}

/// A text or a list of texts, as `aud` is (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl FlaskMark {
    pub(crate) const fn is_marked(&self) -> bool {
        self.minted_by.is_some()
    }
}

/// A secret that verifies a Flask service's tokens.
#[derive(Clone)]
pub(crate) struct FlaskKey {
    kid: String,
    algorithm: Algorithm,
    material: DecodingKey,
    minter: Minter,
    mark: FlaskMark,
}

impl fmt::Debug for FlaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlaskKey")
            .field("kid", &self.kid)
            .field("minter", &self.minter)
            .finish_non_exhaustive()
    }
}

/// The claims of a Flask service's token whose signature, type and times were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlaskClaims {
    /// The identity that the service knows the user by. Only the legacy table says which account
    /// of ours that is.
    pub identity: String,
    /// A name for the session that it would belong to, made of its text; no user has such a
    /// session.
    pub session: SessionId,
    /// A name for the token, made of its text.
    pub token: TokenId,
    /// When it was issued, which is the last moment at which the password can have been proved.
    pub issued_at: Timestamp,
    /// When it stops being valid.
    pub expires_at: Timestamp,
    /// Whether it came from a password.
    pub fresh: bool,
    /// What a request that brings the token in a cookie must say as well.
    pub csrf: Option<String>,
    /// What else it says.
    pub claims: AdditionalClaims,
}

/// The keys that verify a Flask service's tokens; without any, no such token is accepted.
#[derive(Clone, Debug, Default)]
pub struct FlaskKeys {
    keys: Vec<FlaskKey>,
    are_unread: bool,
}

impl FlaskKeys {
    pub(crate) const fn new(keys: Vec<FlaskKey>) -> Self {
        Self { keys, are_unread: false }
    }

    /// Keys that could not be read: a token that may be theirs is of an unknown key.
    pub const fn unread() -> Self {
        Self { keys: Vec::new(), are_unread: true }
    }

    /// Reads a JWK set of a Flask service's keys, for who keeps them apart from our own.
    ///
    /// # Errors
    /// [`KeyError`]: the whole set is refused for one bad key, and for one that is not marked as a
    /// Flask service's.
    pub fn parse(jwk_set: &SecretString) -> Result<Self, KeyError> {
        let set = parse_jwk_set(jwk_set.expose_secret())?;
        let keys = set.into_iter().map(|key| match key {
            Jwk::Flask(key) => Ok(key),
            ours @ (Jwk::Private { .. } | Jwk::Public { .. }) => Err(KeyError::Unsupported {
                kid: ours.kid().to_owned(),
                reason: "it has no `minted_by`, which marks the keys of a Flask service",
            }),
        });
        keys.collect::<Result<_, _>>().map(Self::new)
    }

    /// These keys and `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self.are_unread |= others.are_unread;
        self
    }

    /// Whether `token` can be one of these keys': there are some, be they read or not, and it names
    /// no key.
    pub fn may_have_signed(&self, token: PresentedToken<'_>) -> bool {
        (self.are_unread || !self.keys.is_empty())
            && token.header().is_some_and(|header| header.kid.is_none())
    }

    /// The claims of a valid access token; Flask-JWT's tokens are all of that type. `leeway` widens
    /// `nbf`, `iat` and `exp`.
    ///
    /// # Errors
    /// The first [`TokenError`] in the order: form, header, signature, type, parties, times.
    pub fn access(
        &self,
        token: PresentedToken<'_>,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<FlaskClaims, TokenError> {
        self.verify(token, TokenType::Access, leeway, now)
    }

    /// The claims of a valid refresh token of Flask-JWT-Extended's.
    ///
    /// # Errors
    /// As [`FlaskKeys::access`].
    pub fn refresh(
        &self,
        token: PresentedToken<'_>,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<FlaskClaims, TokenError> {
        self.verify(token, TokenType::Refresh, leeway, now)
    }

    fn verify(
        &self,
        token: PresentedToken<'_>,
        expected: TokenType,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<FlaskClaims, TokenError> {
        let header = token.header().ok_or(TokenError::BadHeader)?;
        if header.kid.is_some() || header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
            return Err(TokenError::BadHeader);
        }
        let mut error = TokenError::UnknownKey;
        for key in &self.keys {
            if header.alg != key.algorithm.name() {
                error = TokenError::WrongAlgorithm;
            } else if key.verifies(token) {
                return key.read(token, expected, leeway, now);
            } else {
                error = TokenError::BadSignature;
            }
        }
        Err(if self.are_unread { TokenError::UnknownKey } else { error })
    }
}

impl FlaskKey {
    pub(crate) fn new(
        kid: String,
        algorithm: Algorithm,
        secret: &[u8],
        mark: FlaskMark,
    ) -> Result<Self, KeyError> {
        let (KeyType::Secret(_), Some(minter)) = (algorithm.key_type(), mark.minted_by) else {
            let reason = "a Flask service's key is a secret for HS256, HS384 or HS512";
            return Err(KeyError::Unsupported { kid, reason });
        };
        if secret.len() < MIN_SECRET_BYTES {
            let (algorithm, bytes) = (algorithm.name(), secret.len());
            return Err(KeyError::ShortSecret { algorithm, bytes, needed: MIN_SECRET_BYTES });
        }
        Ok(Self { kid, algorithm, material: DecodingKey::from_secret(secret), minter, mark })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    fn verifies(&self, token: PresentedToken<'_>) -> bool {
        let (message, signature) = (token.message().as_bytes(), token.signature());
        let algorithm = self.algorithm.jws();
        encoding::from_base64url(signature).is_some()
            && jsonwebtoken::crypto::verify(signature, message, &self.material, algorithm)
                .unwrap_or(false)
    }
}
