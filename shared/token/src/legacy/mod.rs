//! Keys and tokens of a legacy Flask service, whose tokens are accepted until they expire.
//!
//! Such a token names no key, no session and no issuer. Only a secret that the key set marks as
//! that service's verifies it, and that secret signs nothing.

mod read;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    claims::{AccessClaims, TokenType},
    error::{KeyError, TokenError},
    header::UnverifiedHeader,
    jwk_set::{Jwk, KeyMembers::Secret, LegacyMembers, SecretMembers::Oct, parse_jwk_set},
    presented::PresentedToken,
    timestamp::Timestamp,
    verifying::VerifyingKey,
};

/// The least length of a legacy secret, which may be shorter than RFC 7518 asks for.
const MIN_SECRET_BYTES: usize = 16;

/// A secret that verifies a legacy service's tokens.
#[derive(Clone, Debug)]
pub(crate) struct LegacyKey {
    key: VerifyingKey,
    members: LegacyMembers,
}

impl LegacyKey {
    pub(crate) fn new(jwk: Jwk) -> Result<Self, KeyError> {
        let (Some(_), Secret(Oct { k })) = (jwk.legacy.minted_by, &jwk.key) else {
            return Err(jwk.unsupported("a legacy key is a secret with `minted_by`"));
        };
        let (secret, min_bytes) = (jwk.decode(k)?, Some(MIN_SECRET_BYTES));
        let key = VerifyingKey::from_secret(jwk.kid, jwk.algorithm, &secret, min_bytes)?;
        Ok(Self { key, members: jwk.legacy })
    }
}

/// The keys of a legacy Flask service. Without any, its tokens are refused.
#[derive(Clone, Debug, Default)]
pub struct LegacyKeys {
    keys: Vec<LegacyKey>,
    are_unread: bool,
}

impl LegacyKeys {
    pub(crate) const fn new(keys: Vec<LegacyKey>) -> Self {
        Self { keys, are_unread: false }
    }

    /// Reads a JWK set of a legacy service's keys alone.
    ///
    /// # Errors
    /// [`KeyError`]: one bad key, or one without `minted_by`, refuses the whole set.
    pub fn parse(jwk_set: &SecretString) -> Result<Self, KeyError> {
        let keys = parse_jwk_set(jwk_set.expose_secret())?.into_iter().map(LegacyKey::new);
        keys.collect::<Result<_, _>>().map(Self::new)
    }

    /// Keys that exist but could not be fetched: a token that may be theirs is
    /// [`TokenError::LegacyKeysUnread`].
    pub const fn unread() -> Self {
        Self { keys: Vec::new(), are_unread: true }
    }

    /// These keys and `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self.are_unread |= others.are_unread;
        self
    }

    /// Whether there are keys, read or not.
    pub(crate) const fn may_verify(&self) -> bool {
        self.are_unread || !self.keys.is_empty()
    }

    /// The claims of a valid token of that type.
    pub(crate) fn verify(
        &self,
        token: PresentedToken<'_>,
        expected: TokenType,
        leeway: Duration,
        now: Timestamp,
    ) -> Result<AccessClaims, TokenError> {
        let (header, payload) = token.decode()?;
        let header = UnverifiedHeader::parse(&header).ok_or(TokenError::BadHeader)?;
        if header.kid.is_some() || header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt")) {
            return Err(TokenError::BadHeader);
        }
        let mut error = TokenError::WrongAlgorithm;
        for LegacyKey { key, members } in &self.keys {
            if header.alg != key.algorithm().name() {
                continue;
            }
            if key.verifies(token.message.as_bytes(), token.signature) {
                return read::read(&payload, members, expected, leeway, now);
            }
            error = TokenError::BadSignature;
        }
        Err(if self.are_unread { TokenError::LegacyKeysUnread } else { error })
    }
}
