//! Files that tell other programs of this machine where a running stack is.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::sandbox::{Command, OWN_VARIABLES};

const ENDPOINT: &str = "aws-endpoint";
const MEMORY_ENDPOINT: &str = "aws-endpoint-memory";
const ENV_JSON: &str = "env.json";
const ENV: &str = "env";

/// Files that are removed with this.
#[derive(Debug, Default)]
pub(crate) struct Files(Vec<PathBuf>);

impl Files {
    /// Writes where AWS's own calls go.
    pub(crate) fn write_endpoint(&mut self, folder: &Path, url: &str) -> io::Result<()> {
        self.write(folder.join(ENDPOINT), url)
    }

    /// Writes the same for a stack that keeps nothing.
    pub(crate) fn write_memory_endpoint(&mut self, folder: &Path, url: &str) -> io::Result<()> {
        self.write(folder.join(MEMORY_ENDPOINT), url)
    }

    /// Writes the variables of all functions, for programs that start them: for each function by its
    /// logical name as SAM takes it, and for a shell.
    pub(crate) fn write_variables(
        &mut self,
        folder: &Path,
        functions: &BTreeMap<String, Command>,
    ) -> io::Result<()> {
        let mut by_function = BTreeMap::new();
        let mut shared: BTreeMap<&str, &str> = OWN_VARIABLES.into();
        for (name, command) in functions {
            let own = command.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let variables: BTreeMap<&str, &str> = OWN_VARIABLES.into_iter().chain(own).collect();
            shared.extend(&variables);
            by_function.insert(name, variables);
        }
        let lines = shared.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
        self.write(folder.join(ENV_JSON), &format!("{:#}\n", json!(by_function)))?;
        self.write(folder.join(ENV), &lines.collect::<String>())
    }

    /// There may be secrets among what is written.
    fn write(&mut self, path: PathBuf, text: &str) -> io::Result<()> {
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

/// The value as a word of a shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word_of_a_shell() {
        for value in ["", "a b", "$HOME `id`", "it's", "two\nlines", "\\"] {
            let script = format!("printf %s {}", quoted(value));
            let said = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), value);
        }
    }

    #[test]
    fn files_go_with_their_stack_and_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let command = |variables: &[(&str, &str)]| Command {
            name: "x".to_owned(),
            binary: "x".into(),
            memory: 128,
            variables: variables.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        };
        let functions = BTreeMap::from([
            ("LoginFunction".to_owned(), command(&[("KMS_KEY_ARN", "S")])),
            ("ProtectedFunction".to_owned(), command(&[("KEYS_TABLE", "T"), ("A", "it's")])),
        ]);
        let mut files = Files::default();
        files.write_endpoint(folder.path(), "http://127.0.0.1:1").unwrap();
        files.write_memory_endpoint(folder.path(), "http://127.0.0.1:1").unwrap();
        files.write_variables(folder.path(), &functions).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("env.json")).unwrap();
        assert_eq!(json["ProtectedFunction"]["KEYS_TABLE"], "T");
        assert_eq!(json["LoginFunction"]["AWS_REGION"], "us-east-1");
        let shell = read("env");
        for line in ["KMS_KEY_ARN='S'", "KEYS_TABLE='T'", "A='it'\\''s'"] {
            assert!(shell.contains(&format!("export {line}\n")), "{shell}");
        }
        for entry in fs::read_dir(folder.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(files);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
