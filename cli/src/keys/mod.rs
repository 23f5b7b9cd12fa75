//! `latchkey keys`.

mod confirm;
mod find;
mod text;

use latchkey_keys::{KeyCommand, KeyReport, KeyState};
use latchkey_token::{Algorithm, SigningKey};
use secrecy::ExposeSecret as _;
use serde_json::json;

pub(crate) use find::MIN_ID_CHARACTERS;

use crate::{
    Answer, Clock,
    arguments::{Deployment, KeysCommand},
    failure::Failure,
    stack::{Retries, Stack},
    terminal,
};

pub(crate) async fn run(
    command: &KeysCommand,
    deployment: &Deployment,
    json: bool,
    now: Clock,
) -> Result<Answer, Failure> {
    let stack = || Stack::connect(deployment);
    let text = match command {
        KeysCommand::Generate { algorithm } => generate(*algorithm)?,
        KeysCommand::List => {
            let report = stack().await?.list().await?;
            if json { as_json(&report) } else { text::table(&report, now()) }
        }
        KeysCommand::Rotate { force } => {
            let stack = stack().await?;
            let before = stack.list().await?;
            // A second rotation, after a reply that was lost, would be one too many.
            let rotate = KeyCommand::Rotate { force: *force };
            let after = stack.keys(&rotate, Retries::None).await?;
            if json { rotation_json(&before, &after) } else { text::rotation(&before, &after) }
        }
        KeysCommand::Retire { key, yes } => {
            if !yes {
                confirm::require_terminal()?;
            }
            let stack = stack().await?;
            let before = stack.list().await?;
            let key = find::find(&before.keys, key)?;
            let kid = key.jwk.kid.clone();
            if !yes {
                terminal::say(&text::consequences(&before, key, now()));
                confirm::ask("Type the key's id to retire it: ", &kid)?;
            }
            let retire = KeyCommand::Retire { kid: kid.clone() };
            let after = stack.keys(&retire, Retries::Standard).await?;
            if json { as_json(&after) } else { text::retired(&kid, &after, now()) }
        }
        KeysCommand::Reset { discard, yes } => {
            if !yes {
                confirm::require_terminal()?;
                terminal::say(text::reset_consequences(*discard));
                confirm::ask("Type reset to make a new key: ", "reset")?;
            }
            let reset = KeyCommand::Reset { discard: *discard };
            let after = stack().await?.keys(&reset, Retries::None).await?;
            if json { as_json(&after) } else { text::table(&after, now()) }
        }
    };
    Ok(Answer::good(text))
}

/// A new key as a private JWK set, with a warning.
fn generate(algorithm: Algorithm) -> Result<String, Failure> {
    let set = SigningKey::generate_jwk_set(algorithm).map_err(Failure::Generation)?;
    terminal::say("This private key can sign tokens: keep it secret.");
    Ok(format!("{}\n", set.expose_secret()))
}

fn as_json(report: &KeyReport) -> String {
    terminal::json(&json!(report))
}

fn rotation_json(before: &KeyReport, after: &KeyReport) -> String {
    terminal::json(&json!({
        "from": before.keys.kid(KeyState::Current),
        "to": after.keys.kid(KeyState::Current),
        "next": after.keys.kid(KeyState::Next),
        "max_age": after.max_age,
    }))
}
