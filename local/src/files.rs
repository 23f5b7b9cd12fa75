//! Files through which other programs find a running stack.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::sandbox::{ACCOUNT_VARIABLES, FunctionCommand};

/// Files that are removed on drop.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<PathBuf>);

impl Files {
    /// Writes the variables of all functions: `env.json` by logical name, for SAM, and `env` for a shell.
    pub(crate) fn write_variables(
        &mut self,
        folder: &Path,
        functions: &BTreeMap<String, FunctionCommand>,
    ) -> io::Result<()> {
        let mut by_function = BTreeMap::new();
        let mut shared: BTreeMap<&str, &str> = ACCOUNT_VARIABLES.into();
        for (name, command) in functions {
            let own = command.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let variables: BTreeMap<&str, &str> =
                ACCOUNT_VARIABLES.into_iter().chain(own).collect();
            shared.extend(&variables);
            by_function.insert(name, variables);
        }
        let lines = shared.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
        self.write(folder.join("env.json"), &format!("{:#}\n", json!(by_function)))?;
        self.write(folder.join("env"), &lines.collect::<String>())
    }

    /// Writes a file that only its owner may read, because the text may contain secrets.
    pub(crate) fn write(&mut self, path: PathBuf, text: &str) -> io::Result<()> {
        fs::remove_file(&path).ok();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        self.0.push(path);
        file.write_all(text.as_bytes())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for path in &self.0 {
            fs::remove_file(path).ok();
        }
    }
}

/// Quotes a value as one word of a shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}
