//! Builds the filter of common passwords from lists, and writes it to standard output:
//! `cargo run --release -p latchkey-password --example build-filter -- list.txt --sha1 corpus.txt`.
//!
//! A list has one password per line. A file after `--sha1` has one SHA-1 hash per line, in the
//! format of the Have I Been Pwned corpus.

use std::{
    env,
    error::Error,
    fs::File,
    io::{self, BufRead as _, BufReader, Write as _},
};

use latchkey_password::FilterBuilder;

#[expect(clippy::print_stderr, reason = "standard output has the filter")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut builder = FilterBuilder::default();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let is_hashed = argument == "--sha1";
        let path = if is_hashed { arguments.next().unwrap_or_default() } else { argument };
        let file = File::open(&path).map_err(|error| format!("{path}: {error}"))?;
        let (mut lines, mut skipped) = (0, 0);
        for line in BufReader::new(file).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            lines += 1;
            if is_hashed {
                builder.add_sha1(line).map_err(|error| format!("{path}:{lines}: {error}"))?;
            } else if !builder.add_password(line) {
                skipped += 1;
            }
        }
        eprintln!("{path}: {lines} lines, {skipped} too short or unusable");
    }
    let (entries, filter) = builder.build()?;
    eprintln!("{entries} entries, {} bytes", filter.len());
    io::stdout().write_all(&filter)?;
    Ok(())
}
