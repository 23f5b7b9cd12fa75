//! `latchkey`: wiring only. What it does is in `lib.rs`.

use std::process::ExitCode;

use auth_token::Timestamp;
use clap::Parser as _;
use latchkey::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    latchkey::run(Arguments::parse(), Timestamp::now).await
}
