//! Keys and tokens of a legacy Flask service, whose tokens are accepted until they expire.
//!
//! A legacy token names no key, no session and usually no issuer. Only a secret with `minted_by`
//! verifies it, and that secret signs nothing.

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

/// The minimum length of a legacy secret, below the minimum of RFC 7518 §3.2.
const MIN_SECRET_BYTES: usize = 16;

/// A secret that verifies the tokens of a legacy service.
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

/// The keys of a [legacy Flask service](crate#tokens-of-a-legacy-flask-service). Without keys, its
/// tokens are refused.
#[derive(Clone, Debug, Default)]
pub struct LegacyKeys {
    keys: Vec<LegacyKey>,
    are_unread: bool,
}

impl LegacyKeys {
    pub(crate) const fn new(keys: Vec<LegacyKey>) -> Self {
        Self { keys, are_unread: false }
    }

    /// Parses a JWK set of legacy keys only. Add them with
    /// [`KeySet::with_legacy`](crate::KeySet::with_legacy).
    ///
    /// ```
    /// use latchkey_token::{Algorithm, KeySet, LegacyKeys, SigningKey};
    /// use secrecy::SecretString;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let legacy = LegacyKeys::parse(&SecretString::from(
    ///     r#"{"keys":[{"kty":"oct","alg":"HS256","kid":"old","minted_by":"flask",
    ///         "k":"YW4tb2xkLWZsYXNrLXNlY3JldA"}]}"#,
    /// ))?;
    /// let keys = KeySet::parse(&SigningKey::generate_jwk_set(Algorithm::Es256)?)?;
    /// let keys = keys.with_legacy(legacy);
    /// assert!(keys.find("old").is_none(), "a legacy key verifies legacy tokens only");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] for the first bad key, and for a key without `minted_by`; the whole set is
    /// refused.
    pub fn parse(jwk_set: &SecretString) -> Result<Self, KeyError> {
        let keys = parse_jwk_set(jwk_set.expose_secret())?.into_iter().map(LegacyKey::new);
        keys.collect::<Result<_, _>>().map(Self::new)
    }

    /// Keys that exist but could not be fetched. A token that may be theirs fails with
    /// [`TokenError::LegacyKeysUnread`].
    pub const fn unread() -> Self {
        Self { keys: Vec::new(), are_unread: true }
    }

    /// Adds `others` to these keys.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.keys.extend(others.keys);
        self.are_unread |= others.are_unread;
        self
    }

    /// Whether there are legacy keys, fetched or not.
    pub(crate) const fn may_verify(&self) -> bool {
        self.are_unread || !self.keys.is_empty()
    }

    /// The claims of a valid legacy token of type `expected`.
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
