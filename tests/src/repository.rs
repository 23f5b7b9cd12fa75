//! Files and functions of the repository.
#![expect(clippy::panic, clippy::missing_panics_doc, reason = "test helpers panic")]

use std::{collections::BTreeMap, fs, path::Path};

use latchkey_testkit::template;
use local::template::Function;

use crate::stack::workspace;

/// Reads a file; `path` is relative to the workspace.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions of the template by binary, with their logical names.
pub fn functions() -> BTreeMap<String, (String, Function)> {
    let functions = template().functions.into_iter();
    functions.map(|(name, function)| (function.binary.clone(), (name, function))).collect()
}
