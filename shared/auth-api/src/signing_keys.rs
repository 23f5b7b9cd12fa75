//! The keys of a function that both takes tokens and signs them: one ring, read once.

use auth_api::TokenVerifiers;
use auth_token::{FlaskKeys, Issuer, KeyRing, TokenProfile, Verifier};

/// What a refresh makes of its keys.
#[derive(Debug)]
pub struct RefreshKeys {
    /// What signs tokens.
    pub issuer: Issuer,
    verifiers: TokenVerifiers,
}

impl RefreshKeys {
    /// Takes and signs the tokens of `tokens`, and takes those of the Flask service whose keys
    /// `flask` are.
    pub fn new(ring: KeyRing, flask: FlaskKeys, tokens: &TokenProfile) -> Self {
        let verifier = Verifier::new(ring.verifying_keys(), tokens.clone());
        let issuer = Issuer::new(ring.into_signing_key(), tokens.clone());
        Self { issuer, verifiers: TokenVerifiers { verifier, flask } }
    }
}

impl AsRef<TokenVerifiers> for RefreshKeys {
    fn as_ref(&self) -> &TokenVerifiers {
        &self.verifiers
    }
}
