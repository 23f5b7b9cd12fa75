//! `latchkey token`.

mod inspection;
mod keys;
mod verdict;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use latchkey_token::inspect::UnverifiedToken;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    Answer, Clock,
    arguments::{Deployment, Inspect},
    failure::Failure,
    terminal,
};
use inspection::Inspection;
use keys::Keys;

/// More than a token may have is not read.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

pub(crate) async fn inspect(
    arguments: &Inspect,
    deployment: &Deployment,
    json: bool,
    now: Clock,
) -> Result<Answer, Failure> {
    if arguments.jwks.is_some() && deployment.is_named() {
        return Err(Failure::TwoKeySources);
    }
    let given = read(&arguments.token).map_err(Failure::Input)?;
    let text = without_scheme(given.expose_secret());
    let inspection = match UnverifiedToken::parse(text) {
        Ok(token) => {
            let keys = Keys::find(arguments.jwks.as_deref(), deployment).await?;
            Inspection::of(text, token, keys.as_ref(), now())
        }
        Err(reason) => Inspection::malformed(reason, now()),
    };
    let text = if json { inspection.json() } else { inspection.text() };
    Ok(Answer { text, is_good: inspection.verdict().is_good() })
}

/// The token of the command line, or what standard input holds; from a terminal a line of it.
fn read(argument: &SecretString) -> io::Result<SecretString> {
    if argument.expose_secret() != "-" {
        return Ok(argument.clone());
    }
    let (mut input, mut bytes) = (io::stdin().lock().take(MAX_INPUT_BYTES), Vec::new());
    if io::stdin().is_terminal() {
        terminal::say("Paste the token and press Enter.");
        input.read_until(b'\n', &mut bytes)?;
    } else {
        input.read_to_end(&mut bytes)?;
    }
    Ok(SecretString::from(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The token of what may be copied from an `Authorization` header.
fn without_scheme(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_come_with_its_scheme() {
        for text in ["a.b.c", " a.b.c\n", "Bearer a.b.c", "bearer  a.b.c\r\n", "BEARER\ta.b.c"] {
            assert_eq!(without_scheme(text), "a.b.c", "{text:?}");
        }
        for text in ["", "Bearer", "Basic a.b.c", "a.b.c d.e.f"] {
            assert_eq!(without_scheme(text), text);
        }
    }
}
