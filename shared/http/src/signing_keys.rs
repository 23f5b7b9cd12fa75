//! The keys of a function that both takes tokens and signs them.

use latchkey_token::{FlaskKeys, Issuer, KeySet, TokenProfile, Verifier};

use crate::TokenVerifiers;

/// One set of keys, read once: what checks a request's token, and what signs the tokens of the answer.
#[derive(Debug)]
pub struct SigningKeys {
    /// What signs tokens.
    pub issuer: Issuer,
    verifiers: TokenVerifiers,
}

impl SigningKeys {
    /// Takes and signs the tokens of `tokens`, and takes those of the Flask service whose keys
    /// `flask` are.
    pub fn new(keys: KeySet, flask: FlaskKeys, tokens: &TokenProfile) -> Self {
        let verifier = Verifier::new(keys.verifying_keys(), tokens.clone());
        let issuer = Issuer::new(keys.into_signing_key(), tokens.clone());
        Self { issuer, verifiers: TokenVerifiers { verifier, flask } }
    }
}

impl AsRef<TokenVerifiers> for SigningKeys {
    fn as_ref(&self) -> &TokenVerifiers {
        &self.verifiers
    }
}
