#![doc = include_str!("../README.md")]

mod claims;
mod encoding;
mod error;
mod header;
mod id;
mod issuer;
mod jwk;
mod key;
mod profile;
mod seen;
mod timestamp;
mod verifier;

pub use claims::{AccessClaims, Generation, Grant, RefreshClaims, SessionClaims, TokenType};
pub use error::{KeyError, RandomnessError, SigningError, TokenError};
pub use id::{OperationId, SessionId, TokenId, UserId};
pub use issuer::{IssuedToken, Issuer};
pub use jwk::{PublicJwk, PublicJwkSet};
pub use key::{Algorithm, KeyRing, SigningKey, VerifyingKeys};
pub use profile::TokenProfile;
pub use timestamp::Timestamp;
pub use verifier::{MAX_TOKEN_BYTES, PresentedToken, Verifier};
