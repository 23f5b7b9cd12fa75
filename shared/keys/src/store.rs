//! The ring's item and its conditional write.

use std::{collections::BTreeMap, fmt, future::Future};

use latchkey_token::{KeySet, OperationId, Timestamp};

use crate::{
    KeyPolicy, KeyRing, NewKey, Open, PublicRing, RingError, Seal, open_current, ring::PrivateHalf,
};

/// Attempts of a change in conflict with other writers.
const MAX_TRIES: usize = 5;

/// The ring's item as stored. Missing attributes of a damaged item are empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RingItem {
    /// A random id, new with every write.
    pub version: String,
    /// The public attribute, JSON; see [`PublicRing::parse`].
    pub public: String,
    /// The private halves, encrypted by KMS, by `kid`.
    pub sealed: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for RingItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingItem").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The outcome of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// This call wrote the item, or an earlier attempt of it whose reply was lost.
    Written,
    /// Nothing was written, because the stored version differs. Carries the current item; `None` if
    /// it was deleted.
    Conflict(Option<RingItem>),
}

/// Reads the ring: `dynamodb:GetItem` on the keys table.
pub trait ReadRing {
    /// Reads the ring's item consistently; `None` if there is no ring.
    ///
    /// # Errors
    /// [`RingError::Unavailable`] and [`RingError::Refused`].
    fn read_ring(&self) -> impl Future<Output = Result<Option<RingItem>, RingError>> + Send;
}

/// Writes the ring: `dynamodb:PutItem` on the keys table.
pub trait WriteRing {
    /// Writes `item` if the stored version is `replaces`; with `None`, if there is no item.
    ///
    /// # Errors
    /// [`RingError::Unavailable`], after which the item may be written or not;
    /// [`RingError::Refused`].
    fn write_ring(
        &self,
        item: &RingItem,
        replaces: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = Result<WriteOutcome, RingError>> + Send;
}

/// Reads the ring, applies `change`, and writes the ring on condition that its version is
/// unchanged. Starts again after a conflict, up to five times. Writes nothing if `change` changes
/// nothing.
///
/// # Errors
/// The error of `change`; [`RingError::NotFound`] without a ring; [`RingError::Invalid`] for an
/// invalid ring; [`RingError::Conflict`] after five conflicts; the errors of [`ReadRing`],
/// [`WriteRing`] and [`Seal`].
pub async fn update_ring(
    store: &(impl ReadRing + WriteRing),
    sealer: &impl Seal,
    now: Timestamp,
    mut change: impl FnMut(&mut KeyRing) -> Result<(), RingError>,
) -> Result<PublicRing, RingError> {
    let mut found = store.read_ring().await?;
    for _ in 0..MAX_TRIES {
        let item = found.ok_or(RingError::NotFound)?;
        let mut ring = KeyRing::parse(&item)?;
        let before = ring.public.clone();
        change(&mut ring)?;
        if ring.public == before {
            return Ok(ring.public);
        }
        match write(store, sealer, &mut ring, Some(&item.version), now).await?.0 {
            WriteOutcome::Written => return Ok(ring.public),
            WriteOutcome::Conflict(other) => found = other,
        }
    }
    Err(RingError::Conflict)
}

/// Creates the first ring, whose only key signs at once, unless a ring exists. Returns the keys and
/// version of the stored ring: this one, or the ring of a faster writer.
///
/// # Errors
/// The errors of [`WriteRing`], [`Seal`] and [`open_current`].
pub async fn create_ring(
    store: &impl WriteRing,
    kms: &(impl Seal + Open),
    key: NewKey,
    now: Timestamp,
) -> Result<(KeySet, String), RingError> {
    let mut ring = KeyRing::first(key, now);
    let keys = open_current(&ring, kms).await?;
    match write(store, kms, &mut ring, None, now).await? {
        (WriteOutcome::Written, version) => Ok((keys, version)),
        (WriteOutcome::Conflict(other), _) => {
            let item = other.ok_or(RingError::Conflict)?;
            Ok((open_current(&KeyRing::parse(&item)?, kms).await?, item.version))
        }
    }
}

/// Replaces a ring whose private halves cannot be decrypted by one with a new key. The old public
/// halves keep verifying; `discard` retires them, and also replaces an invalid ring.
///
/// # Errors
/// [`RingError::Invalid`] for an invalid ring, unless `discard`; [`RingError::Key`] if no key can
/// be generated; [`RingError::Conflict`] after five conflicts; the errors of [`ReadRing`],
/// [`WriteRing`] and [`Seal`].
pub async fn reset_ring(
    store: &(impl ReadRing + WriteRing),
    sealer: &impl Seal,
    policy: &KeyPolicy,
    discard: bool,
    now: Timestamp,
) -> Result<PublicRing, RingError> {
    let mut found = store.read_ring().await?;
    for _ in 0..MAX_TRIES {
        let version = found.as_ref().map(|item| item.version.clone());
        let old = found.map(|item| PublicRing::parse(&item.public)).transpose();
        let old = if discard { old.unwrap_or_default() } else { old? }.unwrap_or_default();
        let key = policy.generate()?;
        let mut ring = KeyRing::reset(old, key, discard, policy.retention, now);
        match write(store, sealer, &mut ring, version.as_deref(), now).await?.0 {
            WriteOutcome::Written => return Ok(ring.public),
            WriteOutcome::Conflict(other) => found = other,
        }
    }
    Err(RingError::Conflict)
}

/// Encrypts new private halves and writes the ring under a new version, which it returns.
async fn write(
    store: &impl WriteRing,
    sealer: &impl Seal,
    ring: &mut KeyRing,
    replaces: Option<&str>,
    now: Timestamp,
) -> Result<(WriteOutcome, String), RingError> {
    ring.seal(sealer).await?;
    let version = OperationId::generate()?.to_string();
    let item =
        RingItem { version: version.clone(), public: ring.public.to_json(), sealed: ring.sealed() };
    Ok((store.write_ring(&item, replaces, now).await?, version))
}

impl KeyRing {
    /// The encrypted private halves by `kid`.
    fn sealed(&self) -> BTreeMap<String, Vec<u8>> {
        let sealed = |(kid, half): (&String, &PrivateHalf)| match half {
            PrivateHalf::Sealed(bytes) => Some((kid.clone(), bytes.clone())),
            PrivateHalf::New(_) => None,
        };
        self.private.iter().filter_map(sealed).collect()
    }
}
