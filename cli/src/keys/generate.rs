//! `latchkey keys generate`.

use auth_token::{Algorithm, SigningKey};
use secrecy::ExposeSecret as _;

use crate::{failure::Failure, terminal};

/// A new key as a private JWK set, with a warning.
pub(super) fn generate(algorithm: Algorithm) -> Result<String, Failure> {
    let set = SigningKey::generate_jwk_set(algorithm).map_err(Failure::Generation)?;
    terminal::say("Whoever has this key can sign tokens with it: keep it to yourself.");
    Ok(format!("{}\n", set.expose_secret()))
}
