//! One-time codes that operators hand over to users.

use std::{fmt, sync::LazyLock, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{Encoding, Specification};
use latchkey_token::{RandomnessError, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

/// How long a code is valid.
pub const CODE_LIFETIME: Duration = Duration::from_hours(24);

/// How many codes of an account are valid at once.
const MAX_CODES: usize = 3;

/// 120 bits: 24 symbols.
const CODE_BYTES: usize = 15;
const SYMBOLS_PER_GROUP: usize = 4;

/// Crockford's base32: any case, `I` and `L` are 1, `O` is 0, hyphens and spaces are ignored.
static CROCKFORD: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzIiLlOo");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ111100");
    specification.ignore.push_str("- ");
    specification.encoding().ok()
});

/// A one-time code: 120 random bits as 24 symbols of Crockford's base32, in groups of four.
#[derive(Clone, Debug)]
pub struct OneTimeCode {
    text: SecretString,
    hash: CodeHash,
}

impl OneTimeCode {
    /// A new code.
    ///
    /// # Errors
    /// [`RandomnessError`] if the operating system returns no random bytes.
    pub fn generate() -> Result<Self, RandomnessError> {
        let mut bytes = [0; CODE_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| RandomnessError)?;
        let encoding = CROCKFORD.as_ref().ok_or(RandomnessError)?;
        let mut text = String::new();
        for (index, symbol) in encoding.encode(&bytes).chars().enumerate() {
            if index > 0 && index % SYMBOLS_PER_GROUP == 0 {
                text.push('-');
            }
            text.push(symbol);
        }
        Ok(Self { text: text.into(), hash: CodeHash::of_bytes(&bytes) })
    }

    /// The code as shown to the operator.
    pub fn text(&self) -> &SecretString {
        &self.text
    }

    /// The hash to store.
    pub const fn hash(&self) -> CodeHash {
        self.hash
    }
}

/// SHA-256 of a code: what the users table holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeHash(pub [u8; 32]);

impl CodeHash {
    /// The hash of a typed code; `None` if the text is not a code.
    pub fn of(typed: &SecretString) -> Option<Self> {
        let bytes = CROCKFORD.as_ref()?.decode(typed.expose_secret().as_bytes()).ok()?;
        (bytes.len() == CODE_BYTES).then(|| Self::of_bytes(&bytes))
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }
}

/// Prints nothing of the hash.
impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash([redacted])")
    }
}

/// The one-time codes of an account: hashes and expiry times, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OneTimeCodes(Vec<(CodeHash, Timestamp)>);

impl OneTimeCodes {
    /// Stored codes.
    pub fn new(mut codes: Vec<(CodeHash, Timestamp)>) -> Self {
        codes.sort_by_key(|(hash, expires_at)| (*expires_at, *hash));
        Self(codes)
    }

    /// Adds a code that expires a day after `now`. Only the three newest codes stay valid.
    pub fn add(&mut self, code: CodeHash, now: Timestamp) {
        self.0.retain(|(_, expires_at)| *expires_at > now);
        // Codes are stored with their expiry alone, so two of one second get an order by it.
        let after_last = self.0.last().map(|(_, last)| *last + Duration::from_secs(1));
        let expires_at = (now + CODE_LIFETIME).max(after_last.unwrap_or(now));
        self.0.push((code, expires_at));
        let outdated = self.0.len().saturating_sub(MAX_CODES);
        self.0.drain(..outdated);
    }

    /// Whether the code is one of these and has not expired.
    pub fn accept(&self, code: CodeHash, now: Timestamp) -> bool {
        self.0.iter().any(|(known, expires_at)| *known == code && *expires_at > now)
    }

    /// The codes with their expiry times, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (CodeHash, Timestamp)> {
        self.0.iter().copied()
    }
}
