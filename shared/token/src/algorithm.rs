//! The algorithms that tokens may be signed with.

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
        RSA_PSS_SHA512, RsaEncoding,
    },
};

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1). A key is for exactly one (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: short signatures, and verifiers hold no secret.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every verifier understands.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// HMAC with SHA-256: every verifier can also sign.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// What a key for an algorithm is made of, and how the cryptography library calls the algorithm.
#[derive(Clone, Copy)]
pub(crate) enum KeyType {
    /// A point on a curve.
    EllipticCurve(Curve),
    /// Ed25519's.
    OctetKeyPair,
    /// A modulus and an exponent.
    Rsa(&'static dyn RsaEncoding),
    /// A secret that keys a hash.
    Secret(hmac::Algorithm),
}

/// A curve of ECDSA.
#[derive(Clone, Copy)]
pub(crate) struct Curve {
    /// Its name in a JWK (RFC 7518 §6.2.1.1).
    pub(crate) name: &'static str,
    pub(crate) coordinate_bytes: usize,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
    pub(crate) verification: &'static EcdsaVerificationAlgorithm,
}

const P256: Curve = Curve {
    name: "P-256",
    coordinate_bytes: 32,
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
    verification: &ECDSA_P256_SHA256_FIXED,
};

const P384: Curve = Curve {
    name: "P-384",
    coordinate_bytes: 48,
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
    verification: &ECDSA_P384_SHA384_FIXED,
};

/// The least length of a secret: that of the hash's output (RFC 7518 §3.2).
pub(crate) fn min_secret_bytes(hash: hmac::Algorithm) -> usize {
    hash.digest_algorithm().output_len()
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 12] = [
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The name in a token's `alg` header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Whether its keys have a half that verifies and cannot sign.
    pub fn has_public_half(self) -> bool {
        !matches!(self.key_type(), KeyType::Secret(_))
    }

    /// The algorithm of that name, which is case-sensitive.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Es256 => KeyType::EllipticCurve(P256),
            Self::Es384 => KeyType::EllipticCurve(P384),
            Self::EdDsa => KeyType::OctetKeyPair,
            Self::Rs256 => KeyType::Rsa(&RSA_PKCS1_SHA256),
            Self::Rs384 => KeyType::Rsa(&RSA_PKCS1_SHA384),
            Self::Rs512 => KeyType::Rsa(&RSA_PKCS1_SHA512),
            Self::Ps256 => KeyType::Rsa(&RSA_PSS_SHA256),
            Self::Ps384 => KeyType::Rsa(&RSA_PSS_SHA384),
            Self::Ps512 => KeyType::Rsa(&RSA_PSS_SHA512),
            Self::Hs256 => KeyType::Secret(hmac::HMAC_SHA256),
            Self::Hs384 => KeyType::Secret(hmac::HMAC_SHA384),
            Self::Hs512 => KeyType::Secret(hmac::HMAC_SHA512),
        }
    }

    pub(crate) const fn jws(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm as Jws;
        match self {
            Self::Es256 => Jws::ES256,
            Self::Es384 => Jws::ES384,
            Self::EdDsa => Jws::EdDSA,
            Self::Rs256 => Jws::RS256,
            Self::Rs384 => Jws::RS384,
            Self::Rs512 => Jws::RS512,
            Self::Ps256 => Jws::PS256,
            Self::Ps384 => Jws::PS384,
            Self::Ps512 => Jws::PS512,
            Self::Hs256 => Jws::HS256,
            Self::Hs384 => Jws::HS384,
            Self::Hs512 => Jws::HS512,
        }
    }
}
