//! The repository as tests look at it.
#![expect(clippy::panic, clippy::missing_panics_doc, reason = "a test's tools fail the test")]

use std::{collections::BTreeMap, fs, path::Path};

use latchkey_testkit::template;
use local::template::Function;

use crate::stack::workspace;

/// The text of a file of the workspace's.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions of the template by the binary that they run, each with
/// its logical name.
pub fn functions() -> BTreeMap<String, (String, Function)> {
    let functions = template().functions.into_iter();
    functions.map(|(name, function)| (function.binary.clone(), (name, function))).collect()
}
