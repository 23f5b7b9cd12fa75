//! Argon2, with memory that is kept from hash to hash.

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
    params::{HashParams, is_bearable},
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
    dummy_salt: [u8; SALT_BYTES],
    /// What was computed, for tests that compare the work.
    #[cfg(test)]
    computed: Mutex<Vec<Kind>>,
}

/// What a password is to a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the hashed one.
    Match {
        /// The stored hash is not of the configured kind and cost: replace it.
        needs_rehash: bool,
    },
    /// It is another one.
    Mismatch,
}

/// Why no hash was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The stored text is not an Argon2 hash, or one whose cost is absurd.
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
        Ok(Self {
            params,
            memory: Mutex::new(Vec::new()),
            dummy_salt: random_salt()?,
            #[cfg(test)]
            computed: Mutex::default(),
        })
    }

    /// The PHC string of a new hash with a salt of its own.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn hash(&self, password: &NewPassword) -> Result<SecretString, HashError> {
        self.rehash(password.as_password())
    }

    /// The PHC string of a new hash of a password that [`Hasher::verify`] has accepted.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn rehash(&self, password: &Password) -> Result<SecretString, HashError> {
        let salt = random_salt()?;
        let kind = self.configured()?;
        let output = self.compute(&kind, password, &salt)?;
        let hash = PasswordHash {
            algorithm: kind.algorithm.ident(),
            version: Some(kind.version.into()),
            params: ParamsString::try_from(&kind.params).map_err(|_| HashError::Failed)?,
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
        let (kind, salt, expected) =
            parse(stored.expose_secret()).ok_or(HashError::Unverifiable)?;
        // `Output` compares in constant time.
        if self.compute(&kind, password, &salt)? == expected {
            let is_configured = kind == self.configured()? && salt.len() == SALT_BYTES;
            Ok(Verdict::Match { needs_rehash: !is_configured })
        } else {
            Ok(Verdict::Mismatch)
        }
    }

    /// As [`Hasher::verify`] for the hash of a user, with the same work for a user who does not exist
    /// or whose hash cannot be verified.
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

    /// Spends what [`Hasher::verify`] spends on a hash of the configured cost, so that a name
    /// without an account answers no faster than one with.
    ///
    /// # Errors
    /// [`HashError::Failed`].
    pub fn verify_dummy(&self, password: &Password) -> Result<(), HashError> {
        self.compute(&self.configured()?, password, &self.dummy_salt).map(drop)
    }

    fn configured(&self) -> Result<Kind, HashError> {
        let (memory, iterations) = (self.params.memory_kib(), self.params.iterations());
        let params = Params::new(memory, iterations, 1, Some(OUTPUT_BYTES));
        let params = params.map_err(|_| HashError::Failed)?;
        Ok(Kind { algorithm: Algorithm::Argon2id, version: Version::V0x13, params })
    }

    fn compute(&self, kind: &Kind, password: &Password, salt: &[u8]) -> Result<Output, HashError> {
        #[cfg(test)]
        self.computed.lock().unwrap_or_else(PoisonError::into_inner).push(kind.clone());
        let argon2 = Argon2::new(kind.algorithm, kind.version, kind.params.clone());
        let blocks = kind.params.block_count();
        let mut memory = self.memory();
        if memory.len() < blocks {
            memory.resize(blocks, Block::new());
        }
        let used = memory.get_mut(..blocks).ok_or(HashError::Failed)?;
        let mut output = vec![0; kind.params.output_len().unwrap_or(OUTPUT_BYTES)];
        let computed = argon2.hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            &mut output,
            &mut *used,
        );
        // What is left in the memory would let its reader skip the costly part of a guess.
        used.fill(Block::new());
        // One costly hash does not keep its memory for the life of the process.
        memory.truncate(self.configured()?.params.block_count());
        memory.shrink_to_fit();
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

/// Everything that decides how a hash is computed, but for its salt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    algorithm: Algorithm,
    version: Version,
    params: Params,
}

/// Takes a stored hash apart; none for what is not Argon2 of a bearable cost.
fn parse(stored: &str) -> Option<(Kind, Vec<u8>, Output)> {
    let hash = PasswordHash::new(phc_string(stored)?).ok()?;
    let algorithm = [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d]
        .into_iter()
        .find(|algorithm| algorithm.ident() == hash.algorithm)?;
    // A text without a version is from before versions were written.
    let version = Version::try_from(hash.version.unwrap_or(Version::V0x10.into())).ok()?;
    let params = Params::try_from(&hash).ok()?;
    // The library fills in defaults for a cost that the text does not name. With `data` or `keyid`
    // a hash depends on more than the password.
    let names_its_cost = ["m", "t", "p"].iter().all(|name| hash.params.get(*name).is_some());
    if !names_its_cost || hash.params.iter().count() != 3 {
        return None;
    }
    if !is_bearable(params.m_cost(), params.t_cost()) {
        return None;
    }
    Some((Kind { algorithm, version, params }, hash.salt?.as_ref().to_vec(), hash.hash?))
}

/// The text without what Django (`argon2`) and Spring Security (`{argon2}`) write before it.
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
