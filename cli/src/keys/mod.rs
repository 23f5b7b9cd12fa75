//! `latchkey keys`.

mod generate;
mod list;
mod retire;
mod ring;
mod rotate;

use auth_token::Timestamp;

pub(crate) use ring::Ring;

use crate::{
    Answer,
    arguments::{Deployment, KeysCommand},
    failure::Failure,
    stack::Stack,
    terminal,
};

pub(crate) async fn run(
    command: &KeysCommand,
    deployment: &Deployment,
    json: bool,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let text = match command {
        KeysCommand::Generate { algorithm } => generate::generate(*algorithm)?,
        KeysCommand::List => {
            let ring = Stack::connect(deployment).await?.list().await?;
            if json { terminal::json(&ring.answer) } else { list::text(&ring, now) }
        }
        KeysCommand::Rotate => {
            let rotation = rotate::rotate(&Stack::connect(deployment).await?).await?;
            if json { terminal::json(&rotation.json()) } else { rotation.text() }
        }
        KeysCommand::Retire { key, yes } => {
            let asks = if *yes { None } else { Some(retire::Question::of_terminal()?) };
            let stack = Stack::connect(deployment).await?;
            let (kid, ring) = retire::retire(&stack, key, asks, now).await?;
            if json { terminal::json(&ring.answer) } else { retire::text(&kid, &ring, now) }
        }
    };
    Ok(Answer::good(text))
}
