//! The log file of a stack, for `latchkey events --local`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{json::JsonLine, line};

const NAME: &str = "log.jsonl";
const PREVIOUS: &str = "log.1.jsonl";
/// A larger file becomes the previous one when the stack starts.
const MAX_BYTES: u64 = 10_000_000;

/// A file with one JSON line per log line, or nothing after an error.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl LogFile {
    /// Opens the file in a folder. The first error is printed; the stack runs without the file.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(NAME);
        let log = Self { file: Mutex::default(), path };
        log.attempt(|file| {
            *file = Some(open(&log.path, &folder.join(PREVIOUS))?);
            Ok(())
        });
        log
    }

    pub(super) fn append(&self, function: &str, line: &JsonLine) {
        self.attempt(|file| match file {
            Some(file) => file.write_all(line.entry(&now(), function).as_bytes()),
            None => Ok(()),
        });
    }

    fn attempt(&self, action: impl FnOnce(&mut Option<File>) -> io::Result<()>) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = action(&mut file) {
            *file = None;
            let path = self.path.display();
            line("log", &format!("{path}: {error}; log lines are not stored until a restart"));
        }
    }
}

/// Opens the file for appending. Only its owner may read it, because it has addresses of clients.
fn open(path: &Path, previous: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|file| file.len() > MAX_BYTES) {
        fs::rename(path, previous)?;
    }
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if !ends_with_a_line(&mut file)? {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// False if the last write was torn.
fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The time in UTC as RFC 3339, in milliseconds.
#[expect(clippy::disallowed_methods, reason = "a log line has the time of the real clock")]
fn now() -> String {
    let now = OffsetDateTime::from(SystemTime::now()).truncate_to_millisecond();
    now.format(&Rfc3339).unwrap_or_default()
}
