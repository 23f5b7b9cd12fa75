//! Whether the processor time of a login tells a known name from an unknown one.

use std::error::Error;

use latchkey_tests::process::cpu_nanos;
use local::sandbox::Sandbox;

use crate::{
    measure::LIMIT,
    subjects::{Subjects, wrong_login},
};

const PAIRS: usize = 300;
const WARM_UP: usize = 10;

/// The processor time of failed logins, in µs.
#[derive(Debug)]
pub(crate) struct Timing {
    /// Of a user, with a wrong password; the mean.
    pub(crate) known_us: f64,
    /// Of a name without an account; the mean.
    pub(crate) unknown_us: f64,
}

/// Interleaves failed logins of a known and of an unknown name in one warm process.
pub(crate) async fn measure(subjects: &Subjects) -> Result<Timing, Box<dyn Error>> {
    let login = subjects.all.iter().find(|subject| subject.name == "login");
    let login = login.ok_or("login is not measured")?;
    let mut sandbox = Sandbox::start(&login.command)?;
    let events = ["visitor", "stranger"].map(wrong_login);
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
