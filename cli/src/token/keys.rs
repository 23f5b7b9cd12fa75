//! The keys for the verification of a token.

use std::{fs, path::Path};

use latchkey_keys::{KeyCommand, KeyReport, KeyState, PublicRing};
use latchkey_token::{Algorithm, KeySet};

use crate::{arguments::DeploymentOptions, failure::Failure, stack::DeployedStack};

/// Verification keys and the key ring that they are from, which is empty for keys of a file.
pub(super) struct InspectionKeys {
    verifying: KeySet,
    ring: PublicRing,
}

impl InspectionKeys {
    /// The keys of the file, or of the named deployment; `None` without either.
    pub(super) async fn find(
        file: Option<&Path>,
        deployment: &DeploymentOptions,
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
        let stack = DeployedStack::connect(deployment).await?;
        let ring = stack.run::<KeyReport>(&KeyCommand::List {}).await?.keys;
        let verifying = KeySet::new(None, ring.verifying_keys().map_err(Failure::Ring)?);
        Ok(Some(Self { verifying, ring }))
    }

    pub(super) const fn verifying(&self) -> &KeySet {
        &self.verifying
    }

    /// Algorithm and ring state of a key.
    pub(super) fn describe(&self, kid: &str) -> Option<(Algorithm, Option<KeyState>)> {
        let key = self.verifying.find(kid)?;
        Some((key.algorithm(), self.ring.find(kid).map(|key| key.state)))
    }
}
