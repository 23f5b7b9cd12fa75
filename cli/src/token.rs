//! `latchkey token`.

mod inspection;
mod keys;
mod status;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use latchkey_token::{Timestamp, inspect::UnverifiedToken};
use secrecy::{ExposeSecret as _, SecretString};

use self::{inspection::Inspection, keys::InspectionKeys};
use crate::{
    arguments::{DeploymentOptions, InspectOptions},
    failure::Failure,
    output::{self, CommandOutput},
};

/// More than the longest valid token.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

pub(crate) async fn inspect(
    options: &InspectOptions,
    deployment: &DeploymentOptions,
    json: bool,
) -> Result<CommandOutput, Failure> {
    if options.jwks.is_some() && deployment.is_named() {
        return Err(Failure::TwoKeySources);
    }
    let given = read(&options.token).map_err(Failure::Input)?;
    let text = without_scheme(given.expose_secret());
    let inspection = match UnverifiedToken::parse(text) {
        Ok(token) => {
            let keys = InspectionKeys::find(options.jwks.as_deref(), deployment).await?;
            Inspection::of(text, token, keys.as_ref(), Timestamp::now())
        }
        Err(reason) => Inspection::malformed(reason, Timestamp::now()),
    };
    let text = if json { inspection.json() } else { inspection.text() };
    Ok(CommandOutput { text, is_success: inspection.is_success() })
}

/// The token of the command line, or for `-` standard input: one line of a terminal, or everything.
fn read(argument: &SecretString) -> io::Result<SecretString> {
    if argument.expose_secret() != "-" {
        return Ok(argument.clone());
    }
    let (mut input, mut bytes) = (io::stdin().lock().take(MAX_INPUT_BYTES), Vec::new());
    if io::stdin().is_terminal() {
        output::say("Paste the token and press Enter.");
        input.read_until(b'\n', &mut bytes)?;
    } else {
        input.read_to_end(&mut bytes)?;
    }
    Ok(SecretString::from(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Removes white space and a `Bearer` scheme, as copied from an `Authorization` header.
fn without_scheme(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        Some(_) | None => text,
    }
}
