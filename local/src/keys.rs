//! The signing key of a laptop: made at the first start and kept with the accounts.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use auth_token::{Algorithm, KeyError, SigningKey};
use secrecy::{ExposeSecret, SecretString};

const FILE: &str = "signing-keys.json";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum LocalKeyError {
    /// It could not be read or written.
    #[error("the signing key could not be kept: {0}")]
    Io(#[from] io::Error),
    /// It could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The private JWK set that is kept in `state`, made for `algorithm` when there is none; without a
/// folder, a new one each time.
///
/// # Errors
/// Every variant of [`LocalKeyError`].
pub fn load_or_make(
    state: Option<&Path>,
    algorithm: Algorithm,
) -> Result<SecretString, LocalKeyError> {
    let Some(folder) = state else {
        return Ok(SigningKey::generate_jwk_set(algorithm)?);
    };
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(kept) => Ok(SecretString::from(kept)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = SigningKey::generate_jwk_set(algorithm)?;
            let mut file =
                fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(made.expose_secret().as_bytes())?;
            Ok(made)
        }
        Err(error) => Err(error.into()),
    }
}
