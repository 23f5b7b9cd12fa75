//! Why tokens and keys are refused.

use crate::{algorithm::Algorithm, claims::TokenType};

/// Why a presented token is refused.
///
/// The reason is for logs and tests. A client learns only [`TokenError::Expired`] and
/// [`TokenError::WrongType`], which are reached by genuine tokens alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    #[error("the token is too long")]
    TooLong,
    /// It is not three dot-separated parts of canonical base64url (RFC 7515 §3.1).
    #[error("the token is not a compact JWS")]
    NotCompact,
    /// The header is not an object of unique members, lacks `alg`, `kid` or `typ`, or carries a
    /// member that changes how a token is read (`crit`, `b64`, `zip`, `enc`, embedded keys).
    #[error("the token's header is not acceptable")]
    BadHeader,
    /// No key has that `kid`, or the key is no longer accepted.
    #[error("the token names a key that is unknown or no longer accepted")]
    UnknownKey,
    /// The token may be a legacy service's, whose keys could not be fetched.
    #[error("the keys of the legacy service were not read")]
    LegacyKeysUnread,
    /// The key that `kid` names is for another algorithm than `alg` (RFC 8725 §3.1).
    #[error("the token's algorithm is not its key's")]
    WrongAlgorithm,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim is missing, repeated or of a wrong type, or `typ` and `type` disagree.
    #[error("the token's claims are not acceptable")]
    BadClaims,
    /// A genuine token of the other type.
    #[error("the token is of the other type: {0:?}")]
    WrongType(TokenType),
    /// `iss` is not an accepted issuer.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` is not an accepted audience.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is later than `iat` plus the longest lifetime of the type.
    #[error("the token's lifetime is too long")]
    LivesTooLong,
    /// `exp` is reached. Everything else about the token is valid.
    #[error("the token has expired")]
    Expired,
}

/// Why signing keys are refused when they are loaded. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not a JWK set (RFC 7517 §5).
    #[error("not a JWK set: {0}")]
    NotAJwkSet(&'static str),
    /// The set has no key.
    #[error("the JWK set holds no key")]
    Empty,
    /// The first key of the set does not sign.
    #[error("the JWK set's first key is not a private one")]
    NoSigningKey,
    /// The text is not PEM with a key for the algorithm.
    #[error("not a PEM key for {0}")]
    NotPem(&'static str),
    /// A key has no `kid`, or one that is empty or longer than 128 bytes.
    #[error("a key of the JWK set has no usable `kid`")]
    BadKeyId,
    /// Two keys have the same `kid`.
    #[error("two keys of the JWK set have the `kid` {0:?}")]
    DuplicateKeyId(String),
    /// `kty`, `crv`, `alg`, `use` or `key_ops` describe a key that is not supported.
    #[error("the key {kid:?} cannot be used: {reason}")]
    Unsupported {
        /// The key's `kid`.
        kid: String,
        /// The reason.
        reason: &'static str,
    },
    /// The secret is shorter than the hash that it keys (RFC 7518 §3.2).
    #[error("{algorithm} needs a secret of at least {needed} bytes, got {bytes}")]
    ShortSecret {
        /// The algorithm's JWA name.
        algorithm: &'static str,
        /// The secret's length.
        bytes: usize,
        /// The least length.
        needed: usize,
    },
    /// The key's numbers are not a key: not on their curve, of another size, not base64url, an RSA
    /// modulus under 2048 bits, or halves that do not belong together.
    #[error("the key {0:?} is not a valid key")]
    Invalid(String),
    /// The cryptography library could not generate a key.
    #[error("no key could be generated")]
    Generation,
    /// The key that signs is for another algorithm than the configured one.
    #[error("the signing key is for {}, and {} is configured", found.name(), wanted.name())]
    OtherAlgorithm {
        /// The key's algorithm.
        found: Algorithm,
        /// The configured algorithm.
        wanted: Algorithm,
    },
    /// The set has both shared secrets and keys with a public half.
    #[error("shared secrets stand beside keys that have a public half")]
    MixedSecrets,
}

/// Why a token could not be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The cryptography library failed, though the key was checked when it was read.
    #[error("the token could not be signed")]
    Cryptography,
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomnessError;
