//! Whether the CPU time of a failed login reveals that a user name exists.

use std::error::Error;

use latchkey_tests::process::cpu_nanos;
use local::sandbox::Sandbox;

use crate::{
    functions::{BenchFunctions, wrong_login},
    measure::LIMIT,
};

const PAIRS: usize = 300;
const WARM_UP: usize = 10;

/// Mean CPU time of failed logins, in µs.
#[derive(Debug)]
pub(crate) struct Timing {
    /// For a user, with a wrong password.
    pub(crate) known_us: f64,
    /// For a name without an account.
    pub(crate) unknown_us: f64,
}

/// Alternates failed logins of a known and an unknown name in one warm process.
pub(crate) async fn measure(functions: &BenchFunctions) -> Result<Timing, Box<dyn Error>> {
    let login = functions.all.iter().find(|function| function.name == "login");
    let login = login.ok_or("login is not measured")?;
    let mut sandbox = Sandbox::start(&login.command)?;
    let events = ["visitor", "unknown"].map(wrong_login);
    let mut total = [0, 0];
    for pair in 0..WARM_UP + PAIRS {
        for (event, total) in events.iter().zip(&mut total) {
            let process = sandbox.process_id().ok_or("the process has ended")?;
            let before = cpu_nanos(process)?;
            let answer = sandbox.invoke(event.clone().into(), LIMIT).await?;
            let used = cpu_nanos(process)? - before;
            if !String::from_utf8_lossy(&answer).contains("401") {
                return Err(format!("login answered {answer:?}").into());
            }
            if pair >= WARM_UP {
                *total += used;
            }
        }
    }
    sandbox.stop().await;
    let [known_us, unknown_us] = total.map(|nanos| {
        let nanos = u32::try_from(nanos / PAIRS as u64).unwrap_or(u32::MAX);
        f64::from(nanos) / 1_000.0
    });
    Ok(Timing { known_us, unknown_us })
}
