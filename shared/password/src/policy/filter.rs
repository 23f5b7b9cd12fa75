//! The filter of common passwords: three binary fuse filters of 8 bits, with one false positive in
//! 16 million lookups.

use std::sync::LazyLock;

use sha1::{Digest, Sha1};
use xorf::{BinaryFuse8, BinaryFuse8Ref, Descriptor, DmaSerializable, Filter, FilterRef};

use super::forms;

/// Only binaries that set passwords have it: the linker drops unused data.
pub(super) static BUNDLED: &[u8] = include_bytes!("../../data/common.filter");

const PARTS: usize = 3;
const DIGEST_BYTES: usize = 20;

pub(super) type Key = [u8; DIGEST_BYTES];

/// Whether a form of a password is in the bundled filter.
pub(super) fn is_common(form: &str) -> bool {
    static FILTER: LazyLock<Option<CommonPasswords>> =
        LazyLock::new(|| CommonPasswords::read(BUNDLED));
    // A damaged filter refuses all passwords.
    FILTER.as_ref().is_none_or(|filter| filter.contains(&key_of(form)))
}

pub(super) struct CommonPasswords([BinaryFuse8Ref<'static>; PARTS]);

impl CommonPasswords {
    pub(super) fn read(mut bytes: &'static [u8]) -> Option<Self> {
        let mut part = || {
            let (descriptor, rest) = bytes.split_at_checked(Descriptor::DMA_LEN)?;
            let number = |at: usize| {
                let bytes = descriptor.get(at..at + 4)?.try_into().ok()?;
                usize::try_from(u32::from_le_bytes(bytes)).ok()
            };
            // After the seed: the segment length, its mask, and the offset of the last three
            // segments.
            let length = number(16)?.checked_add(number(8)?.checked_mul(2)?)?;
            let (fingerprints, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            Some(BinaryFuse8Ref::from_dma(descriptor, fingerprints))
        };
        Some(Self([part()?, part()?, part()?]))
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        self.0.iter().zip(parts_of(key)).all(|(filter, part)| filter.contains(&part))
    }
}

/// SHA-1, because breach corpora are published as SHA-1 hashes. It needs no collision resistance.
pub(super) fn key_of(form: &str) -> Key {
    Sha1::digest(form.as_bytes()).into()
}

/// A key for each of the filters.
fn parts_of(key: &Key) -> [u64; PARTS] {
    [0, 6, 12].map(|at| {
        let bytes = key.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        u64::from_be_bytes(bytes.unwrap_or_default())
    })
}

/// Builds a filter from lists of passwords. The same lists result in the same bytes.
#[derive(Debug, Default)]
pub struct FilterBuilder {
    keys: Vec<Key>,
}

/// Why a filter could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// A line is not a SHA-1 hash.
    #[error(
        "expected the SHA-1 of a password in 40 hexadecimal digits, and `:` before anything else"
    )]
    Digest,
    /// The keys do not fit a filter.
    #[error("no filter could be built: {0}")]
    Construction(&'static str),
}

impl FilterBuilder {
    /// Adds a password. Returns false without adding it if no lookup can find it: it is too short
    /// or too long, or has control characters.
    pub fn add_password(&mut self, password: &str) -> bool {
        let form = forms::listed(password);
        self.keys.extend(form.as_deref().map(key_of));
        form.is_some()
    }

    /// Adds the SHA-1 of a password: a line of the Have I Been Pwned corpus, with or without a
    /// count. Lookups find such a password as typed or in lower case.
    ///
    /// # Errors
    /// [`FilterError::Digest`].
    pub fn add_sha1(&mut self, line: &str) -> Result<(), FilterError> {
        let digits = line.split_once(':').map_or(line, |(digits, _count)| digits);
        let mut key = Key::default();
        if digits.len() != 2 * DIGEST_BYTES
            || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        {
            return Err(FilterError::Digest);
        }
        for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = str::from_utf8(pair).map_err(|_| FilterError::Digest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| FilterError::Digest)?;
        }
        self.keys.push(key);
        Ok(())
    }

    /// Returns the number of distinct entries, and the bytes of the filter.
    ///
    /// # Errors
    /// [`FilterError::Construction`].
    pub fn build(mut self) -> Result<(usize, Vec<u8>), FilterError> {
        self.keys.sort_unstable();
        self.keys.dedup();
        let mut bytes = Vec::new();
        for part in 0..PARTS {
            let mut keys: Vec<u64> =
                self.keys.iter().filter_map(|key| parts_of(key).get(part).copied()).collect();
            keys.sort_unstable();
            keys.dedup();
            let filter = BinaryFuse8::try_from(keys).map_err(FilterError::Construction)?;
            let mut descriptor = [0; Descriptor::DMA_LEN];
            filter.dma_copy_descriptor_to(&mut descriptor);
            bytes.extend(descriptor);
            bytes.extend(filter.dma_fingerprints());
        }
        Ok((self.keys.len(), bytes))
    }
}
