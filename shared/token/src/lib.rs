#![doc = include_str!("../README.md")]

mod additional;
mod algorithm;
mod claims;
mod encoding;
mod error;
mod header;
mod id;
pub mod inspect;
mod issuer;
mod json;
mod jwk;
mod jwk_set;
mod key_set;
mod legacy;
mod presented;
mod profile;
mod signing;
mod timestamp;
mod verifier;
mod verifying;

pub use additional::{AdditionalClaims, AdditionalError};
pub use algorithm::Algorithm;
pub use claims::{
    AccessClaims, Generation, Grant, RefreshClaims, SessionClaims, Subject, TokenType,
};
pub use error::{KeyError, RandomnessError, SigningError, TokenError};
pub use id::{OperationId, SessionId, TokenId, UserId};
pub use issuer::{IssuedToken, Issuer};
pub use json::{parse_json, parse_object};
pub use jwk::{PublicJwk, PublicJwkSet, PublicParameters};
pub use key_set::KeySet;
pub use legacy::LegacyKeys;
pub use presented::{MAX_TOKEN_BYTES, PresentedToken};
pub use profile::TokenProfile;
pub use signing::SigningKey;
pub use timestamp::Timestamp;
pub use verifier::Verifier;
pub use verifying::VerifyingKey;
