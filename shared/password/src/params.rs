//! The cost of a hash.

/// The cost of an Argon2id hash, with one lane. The default is OWASP's first recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    memory_kib: u32,
    iterations: u32,
}

/// The cost is below all recommendations of OWASP, or above the limits of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{memory_kib} KiB and {iterations} iterations of Argon2id: \
     take one of OWASP's pairs (19456 and 2, 12288 and 3, 47104 and 1, …) or more, \
     up to {MAX_MEMORY_KIB} KiB, {MAX_ITERATIONS} iterations and {MAX_FILLED_KIB} KiB in all passes"
)]
pub struct ParamsError {
    memory_kib: u32,
    iterations: u32,
}

/// OWASP's Password Storage recommendations with one lane: (KiB, iterations). A cost must reach
/// both values of one of them.
const RECOMMENDED: [(u32, u32); 5] =
    [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// Stored hashes above this are not computed, so that a poisoned item cannot exhaust the function's
/// memory or time.
const MAX_MEMORY_KIB: u32 = 131_072;
const MAX_ITERATIONS: u32 = 16;
/// Memory in KiB times passes, which the time grows with. The limit takes about 1 s.
const MAX_FILLED_KIB: u32 = 1_048_576;

impl Default for HashParams {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2 }
    }
}

impl HashParams {
    /// A cost of `memory_kib` KiB of memory and `iterations` passes.
    ///
    /// # Errors
    /// [`ParamsError`] outside the bounds in its message.
    pub fn new(memory_kib: u32, iterations: u32) -> Result<Self, ParamsError> {
        let is_strong = RECOMMENDED
            .iter()
            .any(|(memory, passes)| memory_kib >= *memory && iterations >= *passes);
        if is_strong && is_within_limits(memory_kib, iterations) {
            Ok(Self { memory_kib, iterations })
        } else {
            Err(ParamsError { memory_kib, iterations })
        }
    }

    /// The memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// The number of passes over the memory.
    pub const fn iterations(self) -> u32 {
        self.iterations
    }
}

/// Whether a hash may be computed. Lanes do not count, because they share the memory.
pub(crate) const fn is_within_limits(memory_kib: u32, iterations: u32) -> bool {
    memory_kib <= MAX_MEMORY_KIB
        && iterations <= MAX_ITERATIONS
        && memory_kib.saturating_mul(iterations) <= MAX_FILLED_KIB
}
