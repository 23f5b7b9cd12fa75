//! Cost of the password policy for adversarial passwords, relative to a hash.

use std::{error::Error, hint::black_box, time::Duration};

use latchkey_password::{MAX_PASSWORD_CHARS, PasswordPolicy};
use latchkey_tests::process::own_cpu_nanos;
use secrecy::SecretString;

use crate::measure::BareHash;

const ROUNDS: usize = 5;
/// Many, because the kernel counts CPU time in milliseconds.
const CHECKS: u32 = 300;
const HASHES: u32 = 5;

/// Medians for one kind of password.
#[derive(Debug)]
pub(crate) struct PolicyCost {
    pub(crate) name: &'static str,
    /// CPU time of one check.
    pub(crate) check_us: f64,
    /// The same as a fraction of one hash with default cost.
    pub(crate) of_a_hash: f64,
}

/// Patterns, repeated to the maximum length, that make dictionary, pattern and substitution checks
/// expensive.
const ADVERSARIAL: [(&str, &str); 10] = [
    ("substitutions", "4@8({[<369g6!|1|0$5+7%2\"*5"),
    ("one character", "a"),
    ("two characters", "1!"),
    ("a word and a tail", "p4$$w0rd1!2@3#"),
    ("a walk on the keys", "1qaz2wsx3edc4rfv"),
    ("a sequence", "abcdefghijklmnopqrstuvwxyz"),
    ("words", "correct horse battery staple "),
    ("separated letters", "p-a-s-s-w-o-r-d-"),
    ("ideographs", "密碼口令"),
    ("emoji", "👩🏽‍🚀🏳️‍🌈"),
];

/// Measures every pattern. Checks and hashes alternate.
pub(crate) fn measure() -> Result<Vec<PolicyCost>, Box<dyn Error>> {
    let policy = PasswordPolicy::new(8).with_issuer("https://auth.acme-prod.example.com");
    // An address with many parts.
    let name = format!("{}@example.com", "a-bcd.".repeat(10));
    let mut bare = BareHash::start()?;
    ADVERSARIAL
        .into_iter()
        .map(|(pattern_name, pattern)| {
            let text: String = pattern.chars().cycle().take(MAX_PASSWORD_CHARS).collect();
            let password = SecretString::from(text);
            let (mut checks, mut hashes) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let before = own_cpu_nanos()?;
                for _ in 0..CHECKS {
                    let _ = black_box(policy.accept(black_box(&password), &[&name]));
                }
                checks.push(Duration::from_nanos(own_cpu_nanos()? - before) / CHECKS);
                let before = own_cpu_nanos()?;
                for _ in 0..HASHES {
                    bare.run()?;
                }
                hashes.push(Duration::from_nanos(own_cpu_nanos()? - before) / HASHES);
            }
            let (check, hash) = (median_us(&mut checks), median_us(&mut hashes));
            Ok(PolicyCost { name: pattern_name, check_us: check, of_a_hash: check / hash })
        })
        .collect()
}

fn median_us(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
