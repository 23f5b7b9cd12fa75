//! How rings are made.

use std::time::Duration;

use crate::{algorithm::Algorithm, timestamp::Timestamp};

/// How a ring's new keys are made, and how long its old ones verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// What new keys are for. A change takes effect at the second rotation: the next key is
    /// already published.
    pub algorithm: Algorithm,
    /// How long after a rotation the last token of the replaced key may live.
    pub retention: Duration,
}

impl KeyPolicy {
    /// How long a rotation may take from its first step to its last: a ring of which more has
    /// passed is not taken into use.
    pub const LONGEST_ROTATION: Duration = Duration::from_hours(24);

    /// Until when a key must verify that a ring made `now` replaces.
    pub(super) fn last_expiry(self, now: Timestamp) -> Timestamp {
        now + self.retention + Self::LONGEST_ROTATION
    }
}
