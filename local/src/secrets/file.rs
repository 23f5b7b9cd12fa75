//! The file that keeps secrets. Only its owner may read it.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use secrecy::SecretString;

use super::Kept;

const FILE: &str = "secrets.json";
const NEXT_FILE: &str = "secrets.json.next";
/// Where the signing keys were before there was a ring.
const FORMER_FILE: &str = "signing-keys.json";

/// What is kept in `folder`, if anything is.
pub(super) fn read(folder: &Path) -> io::Result<Option<Kept>> {
    let Some(text) = read_if_there(&folder.join(FILE))? else {
        return Ok(None);
    };
    // The error's own words may repeat what it read.
    let refused = |error: serde_json::Error| {
        let place = format!("{FILE}, line {}, is not as it was written", error.line());
        io::Error::new(io::ErrorKind::InvalidData, place)
    };
    serde_json::from_str(&text).map(Some).map_err(refused)
}

/// The private JWK set that an earlier version kept in `folder`, if it did.
pub(super) fn read_former_keys(folder: &Path) -> io::Result<Option<SecretString>> {
    Ok(read_if_there(&folder.join(FORMER_FILE))?.map(SecretString::from))
}

/// Replaces what is kept whole, so that a crash leaves either.
pub(super) fn write(folder: &Path, kept: &Kept) -> io::Result<()> {
    let next = folder.join(NEXT_FILE);
    // One that a crash left may be anybody's to read.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
    file.write_all(&serde_json::to_vec(kept)?)?;
    file.sync_all()?;
    fs::rename(next, folder.join(FILE))
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
