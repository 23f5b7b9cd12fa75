//! Argon2id, with one block of memory that is kept from hash to hash.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    params::{HashParams, are_bearable},
    password::Password,
    policy::NewPassword,
};

/// RFC 9106 §4 recommends 128 bits of salt and 256 bits of output.
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Hashes and verifies passwords.
///
/// The memory of a hash is allocated once: touching 19 MiB for the first time costs as much as a
/// good part of the hash. It is wiped after each use.
pub struct Hasher {
    params: HashParams,
    memory: Mutex<Vec<Block>>,
    decoy_salt: [u8; SALT_BYTES],
}

/// What a password is to a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the hashed one.
    Match {
        /// The stored hash is weaker than the current parameters: hash the password anew.
        needs_rehash: bool,
    },
    /// It is another one.
    Mismatch,
}

/// Why no hash was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The stored text is not an Argon2id hash, or one whose cost is absurd.
    #[error("the stored password hash is not one that can be verified")]
    Unverifiable,
    /// The operating system gave no random bytes, or Argon2 refused its input.
    #[error("no password hash could be computed")]
    Failed,
}

impl Hasher {
    /// A hasher that makes hashes of the cost `params`.
    ///
    /// # Errors
    /// [`HashError::Failed`] when the operating system gives no random bytes.
    pub fn new(params: HashParams) -> Result<Self, HashError> {
        Ok(Self { params, memory: Mutex::new(Vec::new()), decoy_salt: random_salt()? })
    }

    /// The PHC string of a new hash with a salt of its own.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn hash(&self, password: &NewPassword) -> Result<SecretString, HashError> {
        self.hash_again(password.as_password())
    }

    /// The PHC string of a new hash of a password that [`Hasher::verify`] has accepted.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn hash_again(&self, password: &Password) -> Result<SecretString, HashError> {
        let salt = random_salt()?;
        let params = self.current_params()?;
        let output = self.compute(&params, password, &salt)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(|_| HashError::Failed)?,
            salt: Some(Salt::new(&salt).map_err(|_| HashError::Failed)?),
            hash: Some(output),
        };
        Ok(SecretString::from(hash.to_string()))
    }

    /// Compares a password with a stored hash, at the cost that the hash names.
    ///
    /// # Errors
    /// [`HashError::Unverifiable`] before anything is computed, and [`HashError::Failed`].
    pub fn verify(&self, password: &Password, stored: &SecretString) -> Result<Verdict, HashError> {
        let (params, salt, expected) = parse(stored.expose_secret())?;
        // `Output` compares in constant time.
        if self.compute(&params, password, &salt)? == expected {
            Ok(Verdict::Match { needs_rehash: self.params.are_above(&params) })
        } else {
            Ok(Verdict::Mismatch)
        }
    }

    /// Spends what [`Hasher::verify`] spends on a hash of the current cost, so that a name
    /// without an account answers no faster than one with.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn verify_nothing(&self, password: &Password) -> Result<(), HashError> {
        self.compute(&self.current_params()?, password, &self.decoy_salt).map(drop)
    }

    fn current_params(&self) -> Result<Params, HashError> {
        let (memory, iterations) = (self.params.memory_kib(), self.params.iterations());
        Params::new(memory, iterations, 1, Some(OUTPUT_BYTES)).map_err(|_| HashError::Failed)
    }

    fn compute(
        &self,
        params: &Params,
        password: &Password,
        salt: &[u8],
    ) -> Result<Output, HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let length = params.output_len().unwrap_or(OUTPUT_BYTES);
        let mut memory = self.memory();
        if memory.len() < params.block_count() {
            memory.resize(params.block_count(), Block::new());
        }
        let mut output = vec![0; length];
        let computed = argon2.hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            &mut output,
            memory.as_mut_slice(),
        );
        // What is left in the memory would let its reader skip the costly part of a guess.
        memory.fill(Block::new());
        computed.map_err(|_| HashError::Failed)?;
        Output::new(&output).map_err(|_| HashError::Failed)
    }

    /// A hash that panicked left nothing that the next one reads: Argon2 overwrites every block.
    fn memory(&self) -> MutexGuard<'_, Vec<Block>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("params", &self.params).finish_non_exhaustive()
    }
}

fn random_salt() -> Result<[u8; SALT_BYTES], HashError> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| HashError::Failed)?;
    Ok(salt)
}

/// Takes a stored hash apart and refuses what is not Argon2id 1.3 of a bearable cost.
fn parse(stored: &str) -> Result<(Params, Vec<u8>, Output), HashError> {
    let hash = PasswordHash::new(stored).map_err(|_| HashError::Unverifiable)?;
    let is_current_argon2id = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into());
    let params = Params::try_from(&hash).map_err(|_| HashError::Unverifiable)?;
    // The library fills in defaults for a cost that the text does not name.
    let names_its_cost = ["m", "t", "p"].iter().all(|name| hash.params.get(*name).is_some());
    let is_plain = params.keyid().is_empty() && params.data().is_empty() && names_its_cost;
    match (hash.salt, hash.hash) {
        (Some(salt), Some(output)) if is_current_argon2id && is_plain && are_bearable(&params) => {
            Ok((params, salt.as_ref().to_vec(), output))
        }
        _ => Err(HashError::Unverifiable),
    }
}

#[cfg(test)]
mod tests;
