//! The ring's item, and the one way to write it.

use std::{collections::BTreeMap, fmt, future::Future};

use latchkey_token::{KeySet, OperationId, Timestamp};

use crate::{
    KeyPolicy, KeyRing, NewKey, Open, PublicRing, RingError, Seal, open_current, ring::PrivateHalf,
};

/// How often a change is tried again when other writers are faster.
const MAX_TRIES: usize = 5;

/// The ring's item, as it is stored. A damaged item may lack attributes, which are then empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RingItem {
    /// A random name, new with every write.
    pub version: String,
    /// The public halves; see [`PublicRing::parse`].
    pub public: String,
    /// The sealed private halves by key id.
    pub sealed: BTreeMap<String, Vec<u8>>,
}

impl fmt::Debug for RingItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingItem").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The item is written, by this call or by an earlier attempt of it whose reply was lost.
    Written,
    /// Nothing was written. The item is this one now, or was deleted.
    Conflict(Option<RingItem>),
}

/// `dynamodb:GetItem` on the keys table.
pub trait ReadRing {
    /// The ring's item, read consistently.
    ///
    /// # Errors
    /// [`RingError::Unavailable`] and [`RingError::Refused`].
    fn read_ring(&self) -> impl Future<Output = Result<Option<RingItem>, RingError>> + Send;
}

/// `dynamodb:PutItem` on the keys table.
pub trait WriteRing {
    /// Puts `item` in place of the version `replaces`, or where there is no item.
    ///
    /// # Errors
    /// [`RingError::Unavailable`], after which the item may be written or not, and
    /// [`RingError::Refused`].
    fn write_ring(
        &self,
        item: &RingItem,
        replaces: Option<&str>,
        now: Timestamp,
    ) -> impl Future<Output = Result<WriteOutcome, RingError>> + Send;
}

/// Reads the ring, changes it, and writes it on condition that it is still the one that was read;
/// after a conflict again. Writes nothing when `change` changes nothing.
///
/// # Errors
/// What `change` returns, [`RingError::Conflict`] after five conflicts, and every variant of
/// [`ReadRing`], [`WriteRing`] and [`Seal`].
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

/// Creates the first ring, with a key that signs at once, unless a ring exists. Returns the keys and
/// the version of the ring: this one, or that of a writer who was faster.
///
/// # Errors
/// Every variant of [`WriteRing`], [`Seal`] and [`open_current`].
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

/// Replaces a ring whose private halves cannot be opened by one with a new key. The old public
/// halves go on verifying; `discard` retires them, and also replaces a ring that cannot be read.
///
/// # Errors
/// [`RingError::Invalid`] for a ring that cannot be read, unless `discard`; otherwise as
/// [`update_ring`].
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

/// Seals new private halves and writes the ring under a new version, which is returned too.
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
    /// The sealed private halves.
    fn sealed(&self) -> BTreeMap<String, Vec<u8>> {
        let sealed = |(kid, half): (&String, &PrivateHalf)| match half {
            PrivateHalf::Sealed(bytes) => Some((kid.clone(), bytes.clone())),
            PrivateHalf::New(_) => None,
        };
        self.private.iter().filter_map(sealed).collect()
    }
}
