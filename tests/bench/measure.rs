//! Measurement of cold starts, latency, CPU and memory.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use latchkey_tests::process::{cpu_nanos, own_cpu_nanos, peak_megabytes};
use local::sandbox::Sandbox;
use serde_json::Value;

use crate::functions::{BenchFunction, BenchFunctions};

const COLD_STARTS: usize = 31;
const ROUNDS: usize = 15;
const WARM_UP: usize = 20;
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The costs of a function.
#[derive(Debug)]
pub(crate) struct Costs {
    /// Median time from process start to first answer.
    pub(crate) cold_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_us: f64,
    pub(crate) peak_mb: f64,
}

/// All measurements.
#[derive(Debug)]
pub(crate) struct Results {
    /// Costs by function, the baseline first.
    pub(crate) costs: Vec<(&'static str, Costs)>,
    /// CPU time of one bare Argon2id hash.
    pub(crate) hash_us: f64,
}

/// Measures every function. They alternate, so that load of the machine affects all of them.
pub(crate) async fn measure(functions: &BenchFunctions) -> Result<Results, Box<dyn Error>> {
    let mut cold = vec![Vec::new(); functions.all.len()];
    for _ in 0..COLD_STARTS {
        for (function, times) in functions.all.iter().zip(&mut cold) {
            let begun = Instant::now();
            let mut sandbox = Sandbox::start(&function.command)?;
            invoke(&mut sandbox, function, 0).await?;
            times.push(begun.elapsed());
            sandbox.stop().await;
        }
    }
    let mut warm = Vec::new();
    for function in &functions.all {
        warm.push(WarmFunction::start(function).await?);
    }
    let mut hash = BareHash::start()?;
    for _ in 0..ROUNDS {
        for function in &mut warm {
            function.run().await?;
        }
        hash.run()?;
    }
    let functions = functions.all.iter().zip(warm).zip(&mut cold);
    let costs = functions
        .map(|((function, warm), cold)| Ok((function.name, warm.finish(median(cold))?)))
        .collect::<Result<_, Box<dyn Error>>>()?;
    Ok(Results { costs, hash_us: micros(median(&mut hash.times)) })
}

/// A warm function and its measurements.
struct WarmFunction<'a> {
    function: &'a BenchFunction,
    sandbox: Sandbox,
    process: u32,
    times: Vec<Duration>,
    /// CPU time per request, by round.
    cpu: Vec<Duration>,
}

impl<'a> WarmFunction<'a> {
    async fn start(function: &'a BenchFunction) -> Result<Self, Box<dyn Error>> {
        let mut sandbox = Sandbox::start(&function.command)?;
        for turn in 0..WARM_UP {
            invoke(&mut sandbox, function, turn).await?;
        }
        let process = sandbox.process_id().ok_or("the process has ended")?;
        Ok(Self { function, sandbox, process, times: Vec::new(), cpu: Vec::new() })
    }

    async fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let before = cpu_nanos(self.process)?;
        for turn in 0..self.function.requests {
            let begun = Instant::now();
            invoke(&mut self.sandbox, self.function, turn).await?;
            self.times.push(begun.elapsed());
        }
        let used = Duration::from_nanos(cpu_nanos(self.process)? - before);
        self.cpu.push(used / u32::try_from(self.function.requests)?);
        Ok(())
    }

    fn finish(mut self, cold: Duration) -> Result<Costs, Box<dyn Error>> {
        Ok(Costs {
            cold_ms: millis(cold),
            p50_ms: millis(median(&mut self.times)),
            p99_ms: millis(percentile(&mut self.times, 99)),
            cpu_us: micros(median(&mut self.cpu)),
            peak_mb: peak_megabytes(self.process)?,
        })
    }
}

/// Sends one request and checks the answer, because a fast refusal is not a result.
async fn invoke(
    sandbox: &mut Sandbox,
    function: &BenchFunction,
    turn: usize,
) -> Result<(), Box<dyn Error>> {
    let answer = sandbox.invoke(function.events.event(turn).into(), LIMIT).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    if answer["statusCode"] == 200 || answer["isAuthorized"] == true {
        function.events.update(&answer)
    } else {
        Err(format!("{} answered {answer}", function.name).into())
    }
}

/// One Argon2id hash with default cost, in memory that is already mapped.
pub(crate) struct BareHash {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
    times: Vec<Duration>,
}

impl BareHash {
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
        let memory = vec![Block::new(); params.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = Self { argon2, memory, times: Vec::new() };
        hash.run()?;
        hash.times.clear();
        Ok(hash)
    }

    pub(crate) fn run(&mut self) -> Result<(), Box<dyn Error>> {
        let before = own_cpu_nanos()?;
        self.argon2
            .hash_password_into_with_memory(
                b"measured twice",
                &[7; 16],
                &mut [0; 32],
                &mut self.memory,
            )
            .map_err(|error| error.to_string())?;
        self.times.push(Duration::from_nanos(own_cpu_nanos()? - before));
        Ok(())
    }
}

pub(crate) fn median(times: &mut [Duration]) -> Duration {
    percentile(times, 50)
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn micros(time: Duration) -> f64 {
    millis(time) * 1_000.0
}
