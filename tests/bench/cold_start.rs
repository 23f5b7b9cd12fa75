//! Cold starts and sizes of two builds, such as before and after a change.

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use local::sandbox::{FunctionCommand, Sandbox};
use serde_json::Value;

use crate::{
    functions::{BenchFunction, BenchFunctions},
    measure::{LIMIT, median, millis},
};

const ROUNDS: usize = 101;

/// One function in both builds.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) name: String,
    /// Median times from process start to first answer: this build, the other one.
    pub(crate) cold_ms: [f64; 2],
    /// Sizes of the binaries.
    pub(crate) bytes: [u64; 2],
}

/// Compares this build with the one in a folder. The builds alternate.
pub(crate) async fn compare(
    functions: &BenchFunctions,
    other: &Path,
) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let mut seen = BTreeSet::new();
    let functions = functions.all.iter().chain(&functions.others);
    let functions = functions.filter(|function| function.command.name != "floor");
    let mut comparisons = Vec::new();
    for function in functions.filter(|function| seen.insert(&function.command.name)) {
        comparisons.push(compare_function(function, other).await?);
    }
    Ok(comparisons)
}

async fn compare_function(
    function: &BenchFunction,
    other: &Path,
) -> Result<Comparison, Box<dyn Error>> {
    let name = function.command.name.clone();
    let other = FunctionCommand { binary: other.join(&name), ..function.command.clone() };
    let commands = [&function.command, &other];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (command, times) in commands.iter().zip(&mut times) {
            times.push(cold_start(command, function).await?);
        }
    }
    let [own, other] = commands.map(|command| fs::metadata(&command.binary));
    let bytes = [own?.len(), other?.len()];
    Ok(Comparison { name, cold_ms: times.map(|mut times| millis(median(&mut times))), bytes })
}

/// The time to the first answer. A refusal counts: it comes after the same start.
async fn cold_start(
    command: &FunctionCommand,
    function: &BenchFunction,
) -> Result<Duration, Box<dyn Error>> {
    let event = function.events.event(0);
    let begun = Instant::now();
    let mut sandbox = Sandbox::start(command)?;
    let answer = sandbox.invoke(event.into(), LIMIT).await?;
    let time = begun.elapsed();
    sandbox.stop().await;
    let answer: Value = serde_json::from_slice(&answer)?;
    let is_fault = answer["statusCode"].as_u64().is_some_and(|status| status >= 500);
    if is_fault || answer.get("errorType").is_some() {
        return Err(format!("{} answered {answer}", command.name).into());
    }
    if answer["statusCode"] == 200 {
        function.events.update(&answer)?;
    }
    Ok(time)
}
