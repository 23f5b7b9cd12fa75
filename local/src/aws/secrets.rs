//! Secrets Manager's `GetSecretValue`. A secret is a file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::AwsError;

/// The folder in the state: one file per secret, named like it.
const FOLDER: &str = "secrets";

/// The emulated secrets, in files and in memory.
#[derive(Debug)]
pub struct Secrets {
    folder: Option<PathBuf>,
    memory: Mutex<BTreeMap<String, SecretString>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
}

impl Secrets {
    pub(super) fn open(state: Option<&Path>) -> Self {
        Self { folder: state.map(|state| state.join(FOLDER)), memory: Mutex::default() }
    }

    /// Adds a secret in memory. It takes precedence over a file.
    pub fn put(&self, name: &str, value: SecretString) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.insert(name.to_owned(), value);
    }

    pub(super) fn get_secret_value(&self, request: &[u8]) -> Result<Value, AwsError> {
        let GetSecretValue { secret_id } = super::calls::parse(request)?;
        let name = name_of(&secret_id);
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let value = match (memory.get(name), &self.folder) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(folder)) => {
                let text = fs::read_to_string(folder.join(name)).ok();
                text.map(|text| SecretString::from(text.trim_end()))
            }
            (None, None) => None,
        };
        let value = value.ok_or_else(|| {
            let message = "Secrets Manager can't find the specified secret.";
            AwsError::new("ResourceNotFoundException", message)
        })?;
        Ok(json!({ "ARN": secret_id, "Name": name, "SecretString": value.expose_secret() }))
    }
}

/// The secret's name: the part of an ARN after the last colon or slash.
fn name_of(secret_id: &str) -> &str {
    secret_id.rsplit([':', '/']).next().unwrap_or(secret_id)
}
