#![doc = include_str!("../README.md")]

mod additional;
mod algorithm;
mod claims;
mod encoding;
mod error;
mod flask;
mod header;
mod id;
mod issuer;
mod json;
mod jwk;
mod pem;
mod profile;
mod ring;
mod seen;
mod signing;
mod timestamp;
mod verifier;
mod verifying;

pub use additional::{AdditionalClaims, AdditionalError};
pub use algorithm::Algorithm;
pub use claims::{AccessClaims, Generation, Grant, RefreshClaims, SessionClaims, TokenType};
pub use error::{KeyError, RandomnessError, SigningError, TokenError};
pub use flask::{FlaskClaims, FlaskKeys, FlaskSubject};
pub use id::{OperationId, SessionId, TokenId, UserId};
pub use issuer::{IssuedToken, Issuer};
pub use json::parse_object;
pub use jwk::{PublicJwk, PublicJwkSet, PublicParameters};
pub use profile::TokenProfile;
pub use ring::KeyRing;
pub use signing::SigningKey;
pub use timestamp::Timestamp;
pub use verifier::{MAX_TOKEN_BYTES, PresentedToken, Verifier};
pub use verifying::{VerifyingKey, VerifyingKeys};
