//! Signature algorithms.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use jsonwebtoken::Algorithm as Jws;

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). Each key is for exactly one algorithm
/// (RFC 8725 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256. The default of a deployment: short signatures, and verifiers
    /// hold no secret.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519 (RFC 8037). Ed448 is not supported.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256. The most widely supported algorithm; API Gateway's JWT
    /// authorizer accepts it.
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
    /// HMAC with SHA-256. Every verifier holds the secret and can also sign.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// The key type of an algorithm, with its parameters.
#[derive(Clone, Copy)]
pub(crate) enum KeyType {
    EllipticCurve(Curve),
    Ed25519,
    Rsa(&'static dyn RsaEncoding),
    /// A shared secret with its minimum length in bytes: the length of the hash (RFC 7518 §3.2).
    Secret(usize),
}

#[derive(Clone, Copy)]
pub(crate) struct Curve {
    /// The `crv` member of a JWK (RFC 7518 §6.2.1.1).
    pub(crate) name: &'static str,
    pub(crate) signing: &'static EcdsaSigningAlgorithm,
    pub(crate) verification: &'static EcdsaVerificationAlgorithm,
}

const P256: Curve = Curve {
    name: "P-256",
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
    verification: &ECDSA_P256_SHA256_FIXED,
};

const P384: Curve = Curve {
    name: "P-384",
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
    verification: &ECDSA_P384_SHA384_FIXED,
};

use Algorithm::{
    EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512,
};

impl Algorithm {
    /// All supported algorithms.
    pub const ALL: [Self; 12] =
        [Es256, Es384, EdDsa, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512, Hs256, Hs384, Hs512];

    const fn properties(self) -> (&'static str, Jws, KeyType) {
        match self {
            Es256 => ("ES256", Jws::ES256, KeyType::EllipticCurve(P256)),
            Es384 => ("ES384", Jws::ES384, KeyType::EllipticCurve(P384)),
            EdDsa => ("EdDSA", Jws::EdDSA, KeyType::Ed25519),
            Rs256 => ("RS256", Jws::RS256, KeyType::Rsa(&RSA_PKCS1_SHA256)),
            Rs384 => ("RS384", Jws::RS384, KeyType::Rsa(&RSA_PKCS1_SHA384)),
            Rs512 => ("RS512", Jws::RS512, KeyType::Rsa(&RSA_PKCS1_SHA512)),
            Ps256 => ("PS256", Jws::PS256, KeyType::Rsa(&RSA_PSS_SHA256)),
            Ps384 => ("PS384", Jws::PS384, KeyType::Rsa(&RSA_PSS_SHA384)),
            Ps512 => ("PS512", Jws::PS512, KeyType::Rsa(&RSA_PSS_SHA512)),
            Hs256 => ("HS256", Jws::HS256, KeyType::Secret(32)),
            Hs384 => ("HS384", Jws::HS384, KeyType::Secret(48)),
            Hs512 => ("HS512", Jws::HS512, KeyType::Secret(64)),
        }
    }

    /// The name in `alg` of tokens and JWKs (RFC 7518 §3.1), such as `ES256`.
    pub const fn name(self) -> &'static str {
        self.properties().0
    }

    /// The algorithm named `name`, case-sensitive; `None` for an unsupported name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether keys have a public half, which verifies but cannot sign. False for HMAC.
    pub const fn has_public_half(self) -> bool {
        !matches!(self.key_type(), KeyType::Secret(_))
    }

    pub(crate) const fn key_type(self) -> KeyType {
        self.properties().2
    }

    pub(crate) const fn jws(self) -> Jws {
        self.properties().1
    }
}
