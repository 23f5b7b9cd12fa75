//! Encryption of private halves by KMS.

use std::future::Future;

use latchkey_token::KeySet;
use secrecy::SecretString;

use crate::{KeyRing, KeyState, RingError, ring::PrivateHalf};

/// Encrypts private halves: `kms:Encrypt` on the KMS key.
pub trait Seal {
    /// Encrypts the private half of the key `kid`, bound to `kid`.
    ///
    /// # Errors
    /// [`RingError::Unavailable`] and [`RingError::Refused`].
    fn seal(
        &self,
        kid: &str,
        private: &SecretString,
    ) -> impl Future<Output = Result<Vec<u8>, RingError>> + Send;
}

/// Decrypts private halves: `kms:Decrypt` on the KMS key.
pub trait Open {
    /// Decrypts the private half of the key `kid`.
    ///
    /// # Errors
    /// [`RingError::Unavailable`]; [`RingError::Refused`]; [`RingError::NotOpened`] if it was
    /// encrypted with another KMS key or for another `kid`.
    fn open(
        &self,
        kid: &str,
        sealed: &[u8],
    ) -> impl Future<Output = Result<SecretString, RingError>> + Send;
}

impl KeyRing {
    /// Encrypts the private halves of new keys.
    ///
    /// # Errors
    /// As [`Seal::seal`].
    pub(crate) async fn seal(&mut self, sealer: &impl Seal) -> Result<(), RingError> {
        for (kid, half) in &mut self.private {
            if let PrivateHalf::New(private) = half {
                *half = PrivateHalf::Sealed(sealer.seal(kid, private).await?);
            }
        }
        Ok(())
    }
}

/// The key set of a ring for a function that signs: decrypts the private half of the current key.
/// All keys verify.
///
/// # Errors
/// As [`Open::open`]; [`RingError::NotOpened`] also if private and public half do not match.
pub async fn open_current(ring: &KeyRing, opener: &impl Open) -> Result<KeySet, RingError> {
    let current = ring.public.in_state(KeyState::Current).ok_or(RingError::NotFound)?;
    let kid = &current.jwk.kid;
    let private = match ring.private.get(kid) {
        Some(PrivateHalf::Sealed(sealed)) => opener.open(kid, sealed).await?,
        Some(PrivateHalf::New(private)) => private.clone(),
        None => return Err(RingError::Invalid(format!("key {kid:?} has no private half"))),
    };
    let not_opened = |reason: String| RingError::NotOpened { kid: kid.clone(), reason };
    let key = KeySet::parse(&private).map_err(|refused| not_opened(refused.to_string()))?;
    if key.public_jwk_set().keys != [current.jwk.clone()] {
        return Err(not_opened("it is another key's".to_owned()));
    }
    Ok(KeySet::new(key.into_signing(), ring.public.verifying_keys()?))
}
