//! `make bench`: cost of the functions as Lambda runs them, relative to a constant answer.

#![expect(clippy::indexing_slicing, reason = "indexing a JSON value yields null")]

mod cold_start;
mod functions;
mod login;
mod measure;
mod passwords;
mod timing;
mod verification;

use std::{env, error::Error, path::Path};

use cold_start::Comparison;
use functions::BenchFunctions;
use login::LoginCost;
use measure::{Results, measure};
use passwords::PolicyCost;
use timing::Timing;
use verification::Verification;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let only = env::args().nth(1);
    if only.as_deref() == Some("compare") {
        let other = env::args_os().nth(2).ok_or("compare needs the folder of another build")?;
        let functions = BenchFunctions::start().await?;
        print_comparison(&cold_start::compare(&functions, Path::new(&other)).await?);
        return Ok(());
    }
    let is_wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if is_wanted("verify") {
        print_verification(&verification::measure()?);
    }
    if is_wanted("passwords") {
        print_passwords(&passwords::measure()?);
    }
    if is_wanted("login") {
        print_login(&login::measure().await?);
    }
    if !is_wanted("timing") {
        return Ok(());
    }
    let functions = BenchFunctions::start().await?;
    print_timing(&timing::measure(&functions).await?);
    if only.is_some() {
        return Ok(());
    }
    print_table(&measure(&functions).await?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn print_table(results: &Results) {
    let Results { costs, hash_us: hash } = results;
    let Some((_, floor)) = costs.first() else {
        return;
    };
    println!(
        "{:<20} {:>15} {:>10} {:>10} {:>17} {:>15}",
        "", "cold start ms", "p50 ms", "p99 ms", "CPU/request µs", "peak memory MB"
    );
    for (name, cost) in costs {
        println!(
            "{name:<20} {:>8.1} ({:>4.1}) {:>10.2} {:>10.2} {:>8.0} ({:>6.1}) {:>8.1} ({:>4.1})",
            cost.cold_ms,
            cost.cold_ms / floor.cold_ms,
            cost.p50_ms,
            cost.p99_ms,
            cost.cpu_us,
            cost.cpu_us / floor.cpu_us,
            cost.peak_mb,
            cost.peak_mb / floor.peak_mb,
        );
    }
    println!("(in brackets: multiple of the floor)\n\none bare Argon2id hash: {hash:.0} µs of CPU");
    if let Some((_, login)) = costs.iter().find(|(name, _)| *name == "login") {
        println!("login: {:.3} times that, {:+.0} µs", login.cpu_us / hash, login.cpu_us - hash);
    }
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
#[expect(clippy::cast_precision_loss, reason = "a ratio needs few digits")]
fn print_comparison(comparisons: &[Comparison]) {
    println!(
        "{:<12} {:>10} {:>10} {:>7} {:>10} {:>10} {:>7}",
        "", "cold ms", "other ms", "ratio", "bytes", "other", "ratio"
    );
    for Comparison { name, cold_ms: [own, other], bytes: [size, other_size] } in comparisons {
        let (cold, bytes) = (own / other, *size as f64 / *other_size as f64);
        println!(
            "{name:<12} {own:>10.2} {other:>10.2} {cold:>7.3} {size:>10} {other_size:>10} {bytes:>7.3}"
        );
    }
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn print_login(cost: &LoginCost) {
    let LoginCost { hash, login, difference, limits } = cost;
    println!(
        "in one process, 200 pairs: bare hash {hash:.0} µs, login {login:.0} µs, \
         difference {difference:+.0} µs ({:.1} %), of which attempt limits {limits:+.0} µs\n",
        difference / hash * 100.0
    );
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn print_timing(timing: &Timing) {
    let Timing { known_us, unknown_us } = timing;
    println!(
        "failed login: known name {known_us:.0} µs, unknown name {unknown_us:.0} µs, ratio {:.3}\n",
        known_us / unknown_us
    );
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn print_verification(results: &[Verification]) {
    println!(
        "{:<10} {:>14} {:>14} {:>8} {:>10}",
        "verify", "bare µs", "decision µs", "ratio", "more µs"
    );
    for Verification { algorithm, bare_us, decision_us } in results {
        let (ratio, more) = (decision_us / bare_us, decision_us - bare_us);
        println!("{algorithm:<10} {bare_us:>14.1} {decision_us:>14.1} {ratio:>8.2} {more:>+10.1}");
    }
    println!("(CPU time of the verification of a token that is not cached)\n");
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn print_passwords(results: &[PolicyCost]) {
    println!("{:<20} {:>10} {:>16}", "password policy", "check µs", "times one hash");
    for PolicyCost { name, check_us, of_a_hash } in results {
        println!("{name:<20} {check_us:>10.1} {of_a_hash:>16.4}");
    }
    println!("(CPU time of a check of 256 characters)\n");
}
