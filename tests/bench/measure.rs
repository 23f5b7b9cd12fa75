//! How costs are measured.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth_tests::process::{cpu_nanos, own_cpu_nanos, peak_megabytes};
use local::sandbox::Sandbox;
use serde_json::Value;

use crate::subjects::{Subject, Subjects};

const COLD_STARTS: usize = 31;
const WARM_UP: usize = 20;
const HASHES: u32 = 20;
const LIMIT: Duration = Duration::from_secs(10);

/// What a function costs.
#[derive(Debug)]
pub(crate) struct Costs {
    /// From the start of the process to its first answer; the median.
    pub(crate) cold_ms: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_us: f64,
    pub(crate) peak_mb: f64,
}

/// Measures every subject. Cold starts take turns, so that a busy moment of the machine meets all.
pub(crate) async fn measure(
    subjects: &Subjects,
) -> Result<Vec<(&'static str, Costs)>, Box<dyn Error>> {
    let mut cold = vec![Vec::new(); subjects.all.len()];
    for _ in 0..COLD_STARTS {
        for (subject, times) in subjects.all.iter().zip(&mut cold) {
            let begun = Instant::now();
            let mut sandbox = Sandbox::start(&subject.command, &subjects.api)?;
            invoke(&mut sandbox, subject).await?;
            times.push(begun.elapsed());
            sandbox.stop().await;
        }
    }
    let mut costs = Vec::new();
    for (subject, mut cold) in subjects.all.iter().zip(cold) {
        let warm = measure_warm(subjects, subject).await?;
        costs.push((subject.name, Costs { cold_ms: millis(percentile(&mut cold, 50)), ..warm }));
    }
    Ok(costs)
}

async fn measure_warm(subjects: &Subjects, subject: &Subject) -> Result<Costs, Box<dyn Error>> {
    let mut sandbox = Sandbox::start(&subject.command, &subjects.api)?;
    for _ in 0..WARM_UP {
        invoke(&mut sandbox, subject).await?;
    }
    let process = sandbox.process_id().ok_or("the process has ended")?;
    let cpu_before = cpu_nanos(process)?;
    let mut times = Vec::with_capacity(subject.requests);
    for _ in 0..subject.requests {
        let begun = Instant::now();
        invoke(&mut sandbox, subject).await?;
        times.push(begun.elapsed());
    }
    let cpu = Duration::from_nanos(cpu_nanos(process)? - cpu_before);
    let peak_mb = peak_megabytes(process)?;
    sandbox.stop().await;
    Ok(Costs {
        cold_ms: 0.0,
        p50_ms: millis(percentile(&mut times, 50)),
        p99_ms: millis(percentile(&mut times, 99)),
        cpu_us: millis(cpu) * 1_000.0 / f64::from(u32::try_from(subject.requests)?),
        peak_mb,
    })
}

/// One request, whose answer must be the right one: a fast refusal is no result.
async fn invoke(sandbox: &mut Sandbox, subject: &Subject) -> Result<(), Box<dyn Error>> {
    let answer = sandbox.invoke(subject.event.clone().into(), LIMIT).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    if answer["statusCode"] == 200 || answer["isAuthorized"] == true {
        Ok(())
    } else {
        Err(format!("{} answered {answer}", subject.name).into())
    }
}

/// The processor time of one Argon2id hash of the default cost in memory that was touched before,
/// in microseconds.
pub(crate) fn bare_hash_cpu() -> Result<f64, Box<dyn Error>> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; 32];
    let mut hash = || {
        argon2
            .hash_password_into_with_memory(b"measured twice", &[7; 16], &mut output, &mut memory)
            .map_err(|error| error.to_string())
    };
    hash()?;
    let before = own_cpu_nanos()?;
    for _ in 0..HASHES {
        hash()?;
    }
    let total = Duration::from_nanos(own_cpu_nanos()? - before);
    Ok(millis(total) * 1_000.0 / f64::from(HASHES))
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get(last * percent / 100).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
