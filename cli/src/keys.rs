//! `latchkey keys`.

mod report;

use std::io;

use latchkey_keys::{KeyCommand, KeyReport, KeyState, PublicRing, RingKey};
use latchkey_token::{Algorithm, SigningKey, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{
    arguments::{DeploymentOptions, KeysCommand, MIN_ID_CHARACTERS},
    confirmation::{confirm, require_terminal},
    failure::Failure,
    output,
    stack::{AdminCommand, DeployedStack, Effect},
};

/// Runs a command and returns its text for standard output.
pub(crate) async fn run(
    command: KeysCommand,
    deployment: &DeploymentOptions,
    json: bool,
) -> Result<String, Failure> {
    let stack = || DeployedStack::connect(deployment);
    let table = |report: &KeyReport| {
        if json { output::json(&json!(report)) } else { report::table(report, Timestamp::now()) }
    };
    match command {
        KeysCommand::Generate { algorithm } => generate(algorithm),
        KeysCommand::List => Ok(table(&stack().await?.run(&KeyCommand::List {}).await?)),
        KeysCommand::Rotate { force } => {
            let stack = stack().await?;
            let before = stack.run::<KeyReport>(&KeyCommand::List {}).await?;
            let after: KeyReport = stack.run(&KeyCommand::Rotate { force }).await?;
            let text = if json { rotation_json } else { report::rotation };
            Ok(text(&before, &after))
        }
        KeysCommand::Retire { key, yes } => {
            if !yes {
                require_terminal()?;
            }
            let stack = stack().await?;
            let before = stack.run::<KeyReport>(&KeyCommand::List {}).await?;
            let key = find(&before.keys, &key)?;
            let kid = key.jwk.kid.clone();
            if !yes {
                output::say(&report::consequences(&before, key, Timestamp::now()));
                confirm("Type the key's id to retire it: ", &kid, io::stdin().lock())?;
            }
            let after: KeyReport = stack.run(&KeyCommand::Retire { kid: kid.clone() }).await?;
            let table = table(&after);
            Ok(if json { table } else { report::retired(&kid, after.max_age, &table) })
        }
        KeysCommand::Reset { discard, yes } => {
            if !yes {
                require_terminal()?;
                output::say(report::reset_consequences(discard));
                confirm("Type reset to make a new key: ", "reset", io::stdin().lock())?;
            }
            Ok(table(&stack().await?.run(&KeyCommand::Reset { discard }).await?))
        }
    }
}

/// Generates a key as a private JWK set and prints a warning.
fn generate(algorithm: Algorithm) -> Result<String, Failure> {
    let set = SigningKey::generate_jwk_set(algorithm).map_err(Failure::Generation)?;
    output::say("This private key can sign tokens: keep it secret.");
    Ok(format!("{}\n", set.expose_secret()))
}

fn rotation_json(before: &KeyReport, after: &KeyReport) -> String {
    output::json(&json!({
        "from": before.keys.kid(KeyState::Current),
        "to": after.keys.kid(KeyState::Current),
        "next": after.keys.kid(KeyState::Next),
        "max_age": after.max_age,
    }))
}

/// The key whose id is `id`, or the only one whose id begins with it.
fn find<'ring>(ring: &'ring PublicRing, id: &str) -> Result<&'ring RingKey, Failure> {
    if let Some(key) = ring.find(id) {
        return Ok(key);
    }
    let is_short = id.chars().count() < MIN_ID_CHARACTERS;
    let is_retired = !is_short && ring.retired.iter().any(|key| key.kid.starts_with(id));
    let mut matching = ring.keys.iter().filter(|key| key.jwk.kid.starts_with(id));
    match (matching.next(), matching.next()) {
        (None, _) if is_retired => Err(Failure::RetiredKey(id.to_owned())),
        (None, _) => Err(Failure::UnknownKey(id.to_owned())),
        (Some(_), _) if is_short => Err(Failure::ShortKeyId(id.to_owned())),
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(Failure::AmbiguousKey(id.to_owned())),
    }
}

impl AdminCommand for KeyCommand {
    fn effect(&self) -> Effect {
        match self {
            Self::List {} => Effect::Nothing,
            Self::Retire { .. } => Effect::Repeatable,
            Self::Maintain {} | Self::Rotate { .. } | Self::Reset { .. } => Effect::Once,
        }
    }

    fn check(&self) -> String {
        "see `latchkey keys list`".to_owned()
    }
}
