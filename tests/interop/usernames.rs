//! Reads user names as JSON strings, one per line, and prints their folded form; `null` if invalid.

use std::io::{self, BufRead as _, Write as _};

use latchkey_session::Username;

fn main() -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let name: String = serde_json::from_str(&line?)?;
        let folded = Username::parse(&name).ok().map(|name| name.folded().to_owned());
        writeln!(output, "{}", serde_json::json!(folded))?;
    }
    output.flush()
}
