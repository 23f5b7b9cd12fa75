//! Errors of tokens and keys.

use crate::{algorithm::Algorithm, claims::TokenType};

/// Why a verifier refuses a token.
///
/// The reason is for logs and tests. Tell a client [`TokenError::Expired`] and
/// [`TokenError::WrongType`] at most: only tokens with a valid signature reach these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    #[error("the token is too long")]
    TooLong,
    /// The text is not three dot-separated parts of canonical base64url (RFC 7515 §3.1).
    #[error("the token is not a compact JWS")]
    NotCompact,
    /// The header is not an object of at most 16 unique members, lacks `alg`, `kid` or `typ`, or
    /// has a member that changes how a token is read (`crit`, `b64`, `zip`, `enc`, embedded keys).
    #[error("the token's header is not acceptable")]
    BadHeader,
    /// The key set has no key with this `kid`, or the key has reached
    /// [`VerifyingKey::until`](crate::VerifyingKey::until). A newer key set may have the key.
    #[error("the token names a key that is unknown or no longer accepted")]
    UnknownKey,
    /// The token may be one of the legacy service, whose keys could not be fetched
    /// ([`LegacyKeys::unread`](crate::LegacyKeys::unread)).
    #[error("the keys of the legacy service were not read")]
    LegacyKeysUnread,
    /// `alg` is not the algorithm of the key that `kid` names (RFC 8725 §3.1).
    #[error("the token's algorithm is not its key's")]
    WrongAlgorithm,
    /// The signature does not verify with the key that `kid` names.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim is missing, repeated or has the wrong type, or `typ` and `type` disagree
    /// (RFC 8725 §3.11).
    #[error("the token's claims are not acceptable")]
    BadClaims,
    /// The token has a valid signature but the other type, which is the value (RFC 8725 §3.12).
    #[error("the token is of the other type: {0:?}")]
    WrongType(TokenType),
    /// `iss` is not an accepted issuer (RFC 7519 §4.1.1).
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// `aud` is not an accepted audience (RFC 7519 §4.1.3).
    #[error("the token is for another audience")]
    WrongAudience,
    /// `nbf` is in the future by more than the leeway (RFC 7519 §4.1.5).
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future by more than the leeway.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is later than `iat` plus the profile's lifetime for this type of token.
    #[error("the token's lifetime is too long")]
    LivesTooLong,
    /// `exp` plus the leeway is reached (RFC 7519 §4.1.4). All other checks passed.
    #[error("the token has expired")]
    Expired,
}

/// Why keys are refused when they are loaded or generated. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not a JWK set (RFC 7517 §5).
    #[error("not a JWK set: {0}")]
    NotAJwkSet(&'static str),
    /// The set has no key, or only keys of a legacy service.
    #[error("the JWK set holds no key")]
    Empty,
    /// The first key of the set is public and cannot sign.
    #[error("the JWK set's first key is not a private one")]
    NoSigningKey,
    /// The text is not PEM (RFC 7468) with a key for the named algorithm.
    #[error("not a PEM key for {0}")]
    NotPem(&'static str),
    /// A key has no `kid`, or its `kid` is not 1 to 128 bytes long.
    #[error("a key of the JWK set has no usable `kid`")]
    BadKeyId,
    /// Two keys have this `kid`.
    #[error("two keys of the JWK set have the `kid` {0:?}")]
    DuplicateKeyId(String),
    /// The members `kty`, `crv`, `alg`, `use` or `key_ops` describe a key that is not supported.
    #[error("the key {kid:?} cannot be used: {reason}")]
    Unsupported {
        /// The `kid` of the refused key.
        kid: String,
        /// Which member is wrong.
        reason: &'static str,
    },
    /// The secret is shorter than the output of the hash (RFC 7518 §3.2).
    #[error("{algorithm} needs a secret of at least {needed} bytes, got {bytes}")]
    ShortSecret {
        /// The algorithm's name (RFC 7518 §3.1), such as `HS256`.
        algorithm: &'static str,
        /// Length of the secret in bytes.
        bytes: usize,
        /// Minimum length in bytes.
        needed: usize,
    },
    /// The parameters of the key with this `kid` are not a valid key: bad base64url, a point off
    /// its curve, a wrong size, an RSA modulus outside 2048 to 8192 bits, or private and public
    /// halves that do not match.
    #[error("the key {0:?} is not a valid key")]
    Invalid(String),
    /// The cryptography library could not generate a key.
    #[error("no key could be generated")]
    Generation,
    /// The signing key is for another algorithm than the configured one.
    #[error("the signing key is for {}, and {} is configured", found.name(), wanted.name())]
    OtherAlgorithm {
        /// Algorithm of the signing key.
        found: Algorithm,
        /// Configured algorithm.
        wanted: Algorithm,
    },
    /// The set mixes shared secrets with keys that have a public half.
    #[error("shared secrets stand beside keys that have a public half")]
    MixedSecrets,
}

/// Why an [`Issuer`](crate::Issuer) could not issue a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The operating system returned no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The cryptography library failed although the key was valid when it was loaded.
    #[error("the token could not be signed")]
    Cryptography,
}

/// The operating system returned no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct RandomnessError;
