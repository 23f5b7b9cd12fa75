//! KMS's `Encrypt` and `Decrypt` with a key in a file.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::AwsError;

const FILE: &str = "kms-key";
const KEY_BYTES: usize = 32;
/// KMS's limit for `Encrypt`.
const MAX_PLAINTEXT_BYTES: usize = 4096;

/// The emulated KMS. Every key id is valid and names the same key.
#[derive(Debug)]
pub(super) struct Kms(RandomizedNonceKey);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt {
    key_id: String,
    plaintext: String,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt {
    key_id: String,
    ciphertext_blob: String,
    #[serde(default)]
    encryption_context: BTreeMap<String, String>,
}

impl Kms {
    /// Reads the key in `folder` or creates it. Without a folder the key is in memory.
    pub(super) fn open(folder: Option<&Path>) -> io::Result<Self> {
        let key = match folder {
            Some(folder) => read_or_create(&folder.join(FILE))?,
            None => new_key()?,
        };
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key);
        key.map(Self).map_err(|_| io::Error::other(format!("{FILE} is not a key of 32 bytes")))
    }

    pub(super) fn encrypt(&self, request: &[u8]) -> Result<Value, AwsError> {
        let Encrypt { key_id, plaintext, encryption_context } = super::calls::parse(request)?;
        let mut bytes = decode(&plaintext)?;
        if bytes.is_empty() || bytes.len() > MAX_PLAINTEXT_BYTES {
            let problem = format!("The plaintext must have 1 to {MAX_PLAINTEXT_BYTES} bytes");
            return Err(AwsError::new("ValidationException", problem));
        }
        let aad = Aad::from(associated_data(&key_id, &encryption_context));
        let internal = |_| AwsError::new("KMSInternalException", "The key cannot encrypt");
        let nonce = self.0.seal_in_place_append_tag(aad, &mut bytes).map_err(internal)?;
        let blob = [&nonce.as_ref()[..], &bytes].concat();
        Ok(json!({ "KeyId": key_id, "CiphertextBlob": BASE64_STANDARD.encode(blob) }))
    }

    pub(super) fn decrypt(&self, request: &[u8]) -> Result<Value, AwsError> {
        let Decrypt { key_id, ciphertext_blob, encryption_context } = super::calls::parse(request)?;
        let mut blob = decode(&ciphertext_blob)?;
        let invalid = || AwsError::new("InvalidCiphertextException", "");
        let (nonce, sealed) = blob.split_at_mut_checked(NONCE_LEN).ok_or_else(invalid)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| invalid())?;
        let aad = Aad::from(associated_data(&key_id, &encryption_context));
        let opened = self.0.open_in_place(nonce, aad, sealed).map_err(|_| invalid())?;
        Ok(json!({ "KeyId": key_id, "Plaintext": BASE64_STANDARD.encode(opened) }))
    }
}

/// The additional authenticated data: key id and encryption context.
fn associated_data(key_id: &str, context: &BTreeMap<String, String>) -> String {
    json!([key_id, context]).to_string()
}

fn decode(text: &str) -> Result<Vec<u8>, AwsError> {
    BASE64_STANDARD.decode(text).map_err(|_| AwsError::new("SerializationException", "not base64"))
}

fn new_key() -> io::Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(key)
}

fn read_or_create(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match file {
        Ok(mut file) => {
            let key = new_key()?;
            file.write_all(&key)?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read(path),
        Err(error) => Err(error),
    }
}
