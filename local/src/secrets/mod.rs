//! Secrets Manager, as far as rotations need it: the versions of secrets, their stages, a file.

mod file;
mod operations;
mod versions;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use auth_token::{RandomnessError, SigningRing};
use secrecy::SecretString;

use crate::template::Secret;
pub(crate) use operations::read_request;
use versions::Versions;

/// Why an operation is refused, under the name that AWS has for it. The text is for the caller and
/// has nothing of a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such secret, version or value.
    #[error("{0}")]
    ResourceNotFound(String),
    /// The version has another value.
    #[error("{0}")]
    ResourceExists(String),
    /// The stages are not where the caller believes, or cannot be where they are wanted.
    #[error("{0}")]
    InvalidParameter(String),
    /// The secret is in no state for that.
    #[error("{0}")]
    InvalidRequest(String),
    /// Something is longer or shorter than it may be.
    #[error("{0}")]
    Validation(String),
    /// The request is not what the operation takes.
    #[error("{0}")]
    Serialization(String),
    /// There is no such operation, or it is not emulated.
    #[error("{0} is not emulated")]
    UnknownOperation(String),
    /// The change could not be kept, and was not made.
    #[error("{0}")]
    InternalService(String),
}

impl SecretError {
    /// The name of the error on the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ResourceNotFound(_) => "ResourceNotFoundException",
            Self::ResourceExists(_) => "ResourceExistsException",
            Self::InvalidParameter(_) => "InvalidParameterException",
            Self::InvalidRequest(_) => "InvalidRequestException",
            Self::Validation(_) => "ValidationException",
            Self::Serialization(_) => "SerializationException",
            Self::UnknownOperation(_) => "UnknownOperationException",
            Self::InternalService(_) => "InternalServiceError",
        }
    }
}

impl From<RandomnessError> for SecretError {
    fn from(error: RandomnessError) -> Self {
        Self::InternalService(error.to_string())
    }
}

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Their file could not be read.
    #[error("the secrets in {} could not be read: {source}", .folder.display())]
    Io {
        /// The folder of the file.
        folder: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A version could not be named.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
}

/// The versions of each secret.
type Kept = BTreeMap<String, Versions>;

/// The secrets of a stack. Their names are their ARNs.
#[derive(Debug)]
pub struct Secrets {
    kept: Mutex<Kept>,
    folder: Option<PathBuf>,
    rotated_by: BTreeMap<String, String>,
}

impl Secrets {
    /// The secrets that a template declares, kept nowhere.
    ///
    /// # Errors
    /// [`StateError::Randomness`].
    pub fn memory(declared: &BTreeMap<String, Secret>) -> Result<Self, StateError> {
        Self::new(Kept::new(), None, declared)
    }

    /// The secrets in a file in `folder`, and those that a template declares besides. Where there
    /// is no such file yet, the signing keys that an earlier version kept are the first value of
    /// what is rotated, so that their tokens stay good.
    ///
    /// # Errors
    /// Every variant of [`StateError`].
    pub fn open(folder: &Path, declared: &BTreeMap<String, Secret>) -> Result<Self, StateError> {
        let failed = |source| StateError::Io { folder: folder.to_owned(), source };
        let place = Some(folder.to_owned());
        if let Some(kept) = file::read(folder).map_err(failed)? {
            return Self::new(kept, place, declared);
        }
        let mut declared = declared.clone();
        if let Some(keys) = file::read_former_keys(folder).map_err(failed)? {
            for secret in declared.values_mut().filter(|secret| secret.rotated_by.is_some()) {
                secret.initial = Some(keys.clone());
            }
        }
        Self::new(Kept::new(), place, &declared)
    }

    fn new(
        mut kept: Kept,
        folder: Option<PathBuf>,
        declared: &BTreeMap<String, Secret>,
    ) -> Result<Self, StateError> {
        for (name, secret) in declared {
            if let Entry::Vacant(place) = kept.entry(name.clone()) {
                place.insert(Versions::first(SigningRing::new_version()?, secret.initial.clone()));
            }
        }
        let rotated_by = declared
            .iter()
            .filter_map(|(name, secret)| Some((name.clone(), secret.rotated_by.clone()?)))
            .collect();
        Ok(Self { kept: Mutex::new(kept), folder, rotated_by })
    }

    /// What the current version of a secret holds.
    ///
    /// # Errors
    /// [`SecretError::ResourceNotFound`] when there is no such secret, or nothing in it.
    pub fn value(&self, name: &str) -> Result<SecretString, SecretError> {
        self.read(name, |versions| Ok(versions.get(None, None)?.1.clone()))
    }

    /// The logical name of the function that rotates a secret.
    pub fn rotated_by(&self, name: &str) -> Option<&str> {
        self.rotated_by.get(name).map(String::as_str)
    }

    /// Whether there is a secret of that name.
    pub(crate) fn is_there(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// The version that a rotation has begun and not made the current one.
    pub(crate) fn unfinished_rotation(&self, name: &str) -> Option<String> {
        let unfinished =
            |versions: &Versions| Ok(versions.unfinished_rotation().map(str::to_owned));
        self.read(name, unfinished).ok().flatten()
    }

    /// Begins a rotation to a version of that name, unless there is that version already.
    ///
    /// # Errors
    /// [`SecretError::InvalidRequest`] while another is unfinished.
    pub fn begin_rotation(&self, name: &str, version: &str) -> Result<(), SecretError> {
        self.change(name, |versions| versions.begin_rotation(version))
    }

    fn read<T>(
        &self,
        name: &str,
        look: impl FnOnce(&Versions) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        look(self.lock().get(name).ok_or_else(no_secret)?)
    }

    /// Makes a change, which is kept or has not happened.
    fn change<T>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Versions) -> Result<T, SecretError>,
    ) -> Result<T, SecretError> {
        let mut kept = self.lock();
        let mut changed = kept.clone();
        let outcome = change(changed.get_mut(name).ok_or_else(no_secret)?)?;
        if let Some(folder) = &self.folder {
            file::write(folder, &changed).map_err(|error| {
                SecretError::InternalService(format!("{}: {error}", folder.display()))
            })?;
        }
        *kept = changed;
        Ok(outcome)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_secret() -> SecretError {
    SecretError::ResourceNotFound("Secrets Manager can't find the specified secret.".to_owned())
}

/// The secret's name in what a caller calls its id: a name, or an ARN that ends with one.
pub(crate) fn name_of(secret_id: &str) -> &str {
    secret_id.rsplit(':').next().unwrap_or(secret_id)
}

#[cfg(test)]
mod tests;
