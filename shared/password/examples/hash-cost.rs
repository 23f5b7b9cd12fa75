//! Measures the cost that `Hasher` adds to an Argon2id hash, and the cost of ways to wipe its
//! memory: `cargo run --release -p latchkey-password --example hash-cost`.

use std::{
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use latchkey_password::{HashParams, Hasher, Password};
use secrecy::SecretString;

const ROUNDS: usize = 6;
/// Hashes per round. The first one, with memory that is not in the cache, has little weight.
const HASHES: usize = 20;

type Wipe = fn(&mut [Block]);

const WIPES: [(&str, Wipe); 4] = [
    ("no wipe", |_| ()),
    ("wipe of everything", |memory| memory.fill(Block::new())),
    ("wipe of the first half", |memory| {
        let half = memory.len() / 2;
        memory.iter_mut().take(half).for_each(|block| block.as_mut().fill(0));
    }),
    ("wipe of every second block", |memory| {
        memory.iter_mut().step_by(2).for_each(|block| block.as_mut().fill(0));
    }),
];

fn main() -> Result<(), Box<dyn Error>> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| error.to_string())?;
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hasher = Hasher::new(HashParams::default())?;
    let password = Password::parse(&SecretString::from("measured twice"))?;
    let mut by_hasher = Vec::new();
    let mut bare = WIPES.map(|(name, wipe)| (name, wipe, Vec::new(), Vec::new()));
    for _ in 0..ROUNDS {
        for (_, wipe, hashes, wipes) in &mut bare {
            for _ in 0..HASHES {
                let begun = Instant::now();
                argon2
                    .hash_password_into_with_memory(
                        b"measured twice",
                        &[7; 16],
                        &mut [0; 32],
                        &mut memory,
                    )
                    .map_err(|error| error.to_string())?;
                let after = Instant::now();
                wipe(black_box(&mut memory));
                wipes.push(after.elapsed());
                hashes.push(begun.elapsed());
            }
        }
        for _ in 0..HASHES {
            let begun = Instant::now();
            hasher.verify_dummy(&password)?;
            by_hasher.push(begun.elapsed());
        }
    }
    print("Hasher", &mut by_hasher, &mut []);
    for (name, _, hashes, wipes) in &mut bare {
        print(name, hashes, wipes);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn print(name: &str, hashes: &mut [Duration], wipes: &mut [Duration]) {
    let [hash, wipe] = [hashes, wipes].map(|times| {
        times.sort_unstable();
        [0, times.len() / 2].map(|at| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3))
    });
    println!(
        "{name:<28} least {:>7.2} ms ({:.2} of wiping), median {:>7.2} ms ({:.2})",
        hash[0], wipe[0], hash[1], wipe[1]
    );
}
