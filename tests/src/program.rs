//! The program `latchkey`, without a terminal and without the machine's AWS settings.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "test helpers panic"
)]

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::stack::binaries;

/// The program.
pub fn latchkey() -> Command {
    let mut program = Command::new(binaries().join("latchkey"));
    program
        .env("USER", "operator")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null());
    program
}

/// Runs the program.
pub fn run(arguments: &[&str]) -> Output {
    latchkey()
        .args(arguments)
        .output()
        .expect("`latchkey` is built: run the tests with `make test`")
}

/// Standard output of a run, which must succeed.
#[track_caller]
pub fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard output of a run, which must succeed, as JSON.
#[track_caller]
pub fn json(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

/// Standard error of a run.
pub fn error(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asserts exit code 1, one line on standard error, and nothing on standard output.
#[track_caller]
pub fn assert_fails(output: &Output, reason: &str) {
    let line = error(output);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), &*printed), (Some(1), ""), "{line}");
    assert!(line.starts_with("latchkey: ") && line.lines().count() == 1, "{line}");
    assert!(line.contains(reason), "{line}");
}
