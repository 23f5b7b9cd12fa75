//! Argon2 hashes in reused memory.

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
    params::{HashParams, is_within_limits},
    password::Password,
    policy::NewPassword,
};

/// RFC 9106 §4 recommends 128 bits of salt and 256 bits of output.
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;

/// Hashes and verifies passwords.
///
/// The hasher allocates its memory once, because page faults of 19 MiB cost a large part of a hash.
/// It wipes the memory after each use.
pub struct Hasher {
    params: HashParams,
    memory: Mutex<Vec<Block>>,
    dummy_salt: [u8; SALT_BYTES],
    /// Computed hashes, for tests that compare the work.
    #[cfg(test)]
    computed: Mutex<Vec<HashSettings>>,
}

/// The result of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match {
        /// The stored hash has other settings than the configured ones: replace it.
        needs_rehash: bool,
    },
    /// The password is wrong.
    Mismatch,
}

/// Why a hash could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The stored text is not an Argon2 hash, or its cost is above the limits.
    #[error("the stored password hash is not one that can be verified")]
    Unverifiable,
    /// The operating system returned no random bytes, or Argon2 refused its input.
    #[error("no password hash could be computed")]
    Failed,
}

impl Hasher {
    /// A hasher whose new hashes have the cost `params`.
    ///
    /// # Errors
    /// [`HashError::Failed`] if the operating system returns no random bytes.
    pub fn new(params: HashParams) -> Result<Self, HashError> {
        Ok(Self {
            params,
            memory: Mutex::new(Vec::new()),
            dummy_salt: random_salt()?,
            #[cfg(test)]
            computed: Mutex::default(),
        })
    }

    /// Hashes a new password with a random salt, and returns the PHC string.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn hash(&self, password: &NewPassword) -> Result<SecretString, HashError> {
        self.rehash(password.as_password())
    }

    /// As [`Hasher::hash`], for a password that [`Hasher::verify`] has accepted.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn rehash(&self, password: &Password) -> Result<SecretString, HashError> {
        let salt = random_salt()?;
        let settings = self.settings()?;
        let output = self.compute(&settings, password, &salt)?;
        let hash = PasswordHash {
            algorithm: settings.algorithm.ident(),
            version: Some(settings.version.into()),
            params: ParamsString::try_from(&settings.params).map_err(|_| HashError::Failed)?,
            salt: Some(Salt::new(&salt).map_err(|_| HashError::Failed)?),
            hash: Some(output),
        };
        Ok(SecretString::from(hash.to_string()))
    }

    /// Compares a password with a stored hash, at the cost in the hash.
    ///
    /// # Errors
    /// [`HashError::Unverifiable`] before any computation, and [`HashError::Failed`].
    pub fn verify(&self, password: &Password, stored: &SecretString) -> Result<Verdict, HashError> {
        let (settings, salt, expected) =
            parse(stored.expose_secret()).ok_or(HashError::Unverifiable)?;
        // `Output` compares in constant time.
        if self.compute(&settings, password, &salt)? == expected {
            let is_configured = settings == self.settings()? && salt.len() == SALT_BYTES;
            Ok(Verdict::Match { needs_rehash: !is_configured })
        } else {
            Ok(Verdict::Mismatch)
        }
    }

    /// As [`Hasher::verify`], with the same work for a missing user or an unverifiable hash, so
    /// that timing does not reveal which names exist.
    ///
    /// # Errors
    /// As [`Hasher::verify`].
    pub fn verify_or_dummy(
        &self,
        password: &Password,
        stored: Option<&SecretString>,
    ) -> Result<Verdict, HashError> {
        match stored.map(|stored| self.verify(password, stored)) {
            None => self.verify_dummy(password).map(|()| Verdict::Mismatch),
            Some(Err(unverifiable @ HashError::Unverifiable)) => {
                self.verify_dummy(password)?;
                Err(unverifiable)
            }
            Some(verdict) => verdict,
        }
    }

    /// Does the work of [`Hasher::verify`] for a hash of the configured cost.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn verify_dummy(&self, password: &Password) -> Result<(), HashError> {
        self.compute(&self.settings()?, password, &self.dummy_salt).map(drop)
    }

    fn settings(&self) -> Result<HashSettings, HashError> {
        let (memory, iterations) = (self.params.memory_kib(), self.params.iterations());
        let params = Params::new(memory, iterations, 1, Some(OUTPUT_BYTES));
        let params = params.map_err(|_| HashError::Failed)?;
        Ok(HashSettings { algorithm: Algorithm::Argon2id, version: Version::V0x13, params })
    }

    fn compute(
        &self,
        settings: &HashSettings,
        password: &Password,
        salt: &[u8],
    ) -> Result<Output, HashError> {
        #[cfg(test)]
        self.computed.lock().unwrap_or_else(PoisonError::into_inner).push(settings.clone());
        let argon2 = Argon2::new(settings.algorithm, settings.version, settings.params.clone());
        let blocks = settings.params.block_count();
        let mut memory = self.memory();
        if memory.len() < blocks {
            memory.resize(blocks, Block::new());
        }
        let used = memory.get_mut(..blocks).ok_or(HashError::Failed)?;
        let mut output = vec![0; settings.params.output_len().unwrap_or(OUTPUT_BYTES)];
        let computed = argon2.hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            &mut output,
            &mut *used,
        );
        // Leftover blocks would let an attacker who reads them skip the costly part of a guess.
        used.fill(Block::new());
        // A costlier stored hash does not enlarge the memory permanently.
        memory.truncate(self.settings()?.params.block_count());
        memory.shrink_to_fit();
        computed.map_err(|_| HashError::Failed)?;
        Output::new(&output).map_err(|_| HashError::Failed)
    }

    /// A poisoned lock is safe: Argon2 overwrites every block before it reads it.
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

/// Algorithm, version and cost of a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HashSettings {
    algorithm: Algorithm,
    version: Version,
    params: Params,
}

/// Parses a stored hash; `None` unless it is an Argon2 hash within the cost limits.
fn parse(stored: &str) -> Option<(HashSettings, Vec<u8>, Output)> {
    let hash = PasswordHash::new(phc_string(stored)?).ok()?;
    let algorithm = [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d]
        .into_iter()
        .find(|algorithm| algorithm.ident() == hash.algorithm)?;
    // Version 1.0 hashes from before the PHC string had a version.
    let version = Version::try_from(hash.version.unwrap_or(Version::V0x10.into())).ok()?;
    let params = Params::try_from(&hash).ok()?;
    // The library uses defaults for missing costs. With `data` or `keyid` a hash depends on more
    // than the password.
    let has_all_costs = ["m", "t", "p"].iter().all(|name| hash.params.get(*name).is_some());
    if !has_all_costs || hash.params.iter().count() != 3 {
        return None;
    }
    if !is_within_limits(params.m_cost(), params.t_cost()) {
        return None;
    }
    Some((HashSettings { algorithm, version, params }, hash.salt?.as_ref().to_vec(), hash.hash?))
}

/// Strips the prefixes of Django (`argon2`) and Spring Security (`{argon2}`).
fn phc_string(stored: &str) -> Option<&str> {
    let (prefix, _) = stored.split_once('$')?;
    let is_label = prefix.starts_with('{') && prefix.ends_with('}');
    if prefix == "argon2" {
        stored.get(prefix.len() + 1..).filter(|rest| rest.starts_with("argon2"))?;
    }
    let is_known = prefix.is_empty() || prefix == "argon2" || is_label;
    is_known.then(|| stored.get(prefix.len()..)).flatten()
}

#[cfg(test)]
mod tests;
