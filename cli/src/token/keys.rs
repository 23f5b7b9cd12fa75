//! The keys that a token is checked with.

use std::{fs, path::Path};

use latchkey_keys::{KeyState, PublicRing, RingError};
use latchkey_token::{Algorithm, KeySet};

use crate::{arguments::Deployment, failure::Failure, stack::Stack};

/// Keys, and what those of a ring do in it.
pub(super) struct Keys {
    verifying: KeySet,
    ring: PublicRing,
}

impl Keys {
    /// Those of the file, or of the deployment if one is named; `None` when nothing is named.
    pub(super) async fn find(
        file: Option<&Path>,
        deployment: &Deployment,
    ) -> Result<Option<Self>, Failure> {
        if let Some(file) = file {
            let place = file.display().to_string();
            let set = fs::read_to_string(file)
                .map_err(|error| Failure::File { file: place.clone(), error })?;
            let verifying =
                KeySet::parse_public(&set).map_err(|error| Failure::Keys { place, error })?;
            return Ok(Some(Self { verifying, ring: PublicRing::default() }));
        }
        if !deployment.is_named() {
            return Ok(None);
        }
        let report = Stack::connect(deployment).await?.list().await?;
        Self::of(report.keys).map(Some).map_err(Failure::Ring)
    }

    pub(super) fn of(ring: PublicRing) -> Result<Self, RingError> {
        Ok(Self { verifying: KeySet::new(None, ring.verifying_keys()?), ring })
    }

    pub(super) const fn verifying(&self) -> &KeySet {
        &self.verifying
    }

    /// What the key of that id is for, and what it does.
    pub(super) fn describe(&self, kid: &str) -> Option<(Algorithm, Option<KeyState>)> {
        let key = self.verifying.find(kid)?;
        Some((key.algorithm(), self.ring.find(kid).map(|key| key.state)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_keys::RingKey;
    use latchkey_testkit::fixtures::{KID, NOW, key_set};

    #[test]
    fn a_key_has_the_state_that_its_ring_gives_it() {
        let jwk = key_set().public_jwk_set().keys.remove(0);
        let key = RingKey { jwk, state: KeyState::Current, since: NOW, until: None };
        let keys = Keys::of(PublicRing { keys: vec![key], retired: Vec::new() }).unwrap();
        assert_eq!(keys.describe(KID), Some((Algorithm::Es256, Some(KeyState::Current))));
        assert!(keys.describe("other").is_none());
        let static_keys = Keys { ring: PublicRing::default(), ..keys };
        assert_eq!(static_keys.describe(KID), Some((Algorithm::Es256, None)));
    }
}
