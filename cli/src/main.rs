//! `latchkey`: wiring only. What it does is in `lib.rs`.

use std::process::ExitCode;

use clap::Parser as _;
use latchkey_cli::Arguments;
use latchkey_token::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    latchkey_cli::run(Arguments::parse(), Timestamp::now).await
}
