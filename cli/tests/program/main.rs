//! The program with a fake Lambda and fake CloudWatch Logs.
#![cfg(test)]

mod completions;
mod confirmations;
mod deployment;
mod events;
mod keys;
mod lambda;
mod server;
mod token;
mod user_changes;
mod users;

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// The program with dummy credentials and without the machine's AWS settings.
fn on_aws() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    program
        .env("USER", "operator")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE");
    program
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_latchkey"))
        .args(arguments)
        .env("USER", "operator")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the program on a terminal, and types a line. Standard output has what the terminal shows.
fn on_terminal(arguments: &[&str], typed: &str) -> Output {
    let program = [&[env!("CARGO_BIN_EXE_latchkey")], arguments].concat().join(" ");
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--command", &program, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux is installed");
    writeln!(terminal.stdin.as_mut().unwrap(), "{typed}").unwrap();
    terminal.wait_with_output().unwrap()
}

#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error of a failed run.
#[track_caller]
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}
