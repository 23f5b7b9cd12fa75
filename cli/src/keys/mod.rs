//! `latchkey keys`.

mod generate;
mod list;
mod retire;
mod ring;
mod rotate;

use serde_json::json;

pub(crate) use ring::MIN_ID_CHARACTERS;
pub(crate) use rotate::PATIENCE;

use crate::{
    Answer, Clock,
    arguments::{Deployment, KeysCommand},
    failure::Failure,
    stack::Stack,
    terminal,
};

pub(crate) async fn run(
    command: &KeysCommand,
    deployment: &Deployment,
    json: bool,
    now: Clock,
) -> Result<Answer, Failure> {
    let text = match command {
        KeysCommand::Generate { algorithm } => generate::generate(*algorithm)?,
        KeysCommand::List => {
            let report = Stack::connect(deployment).await?.list().await?;
            if json { terminal::json(&json!(report)) } else { list::text(&report, now()) }
        }
        KeysCommand::Rotate => {
            let rotation = rotate::rotate(&Stack::connect(deployment).await?).await?;
            if json { terminal::json(&rotation.json()) } else { rotation.text() }
        }
        KeysCommand::Retire { key, yes } => {
            let asks = if *yes { None } else { Some(retire::Question::of_terminal()?) };
            let stack = Stack::connect(deployment).await?;
            let (kid, left) = retire::retire(&stack, key, asks, now).await?;
            if json { terminal::json(&json!(left)) } else { retire::text(&kid, &left, now()) }
        }
    };
    Ok(Answer::good(text))
}
