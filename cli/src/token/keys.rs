//! The keys that a token is checked with.

use std::{fs, path::Path};

use auth_token::{Algorithm, KeyError, KeyState, VerifyingKeys};
use serde::Deserialize as _;
use serde_json::Value;

use crate::{arguments::Deployment, failure::Failure, stack::Stack};

/// Keys, and what those of a ring do in it.
pub(super) struct Keys {
    pub(super) verifying: VerifyingKeys,
    states: Vec<(String, KeyState)>,
}

impl Keys {
    /// Those of the file, or of the deployment if one is named; `None` when nothing is named.
    pub(super) async fn find(
        file: Option<&Path>,
        deployment: &Deployment,
    ) -> Result<Option<Self>, Failure> {
        let (place, set) = match file {
            Some(file) => {
                let place = file.display().to_string();
                let failure = |error| Failure::File { file: place.clone(), error };
                let set = fs::read_to_string(file).map_err(failure)?;
                (place, set)
            }
            None if deployment.is_named() => {
                let report = Stack::connect(deployment).await?.list().await?;
                ("the keys of the stack".to_owned(), report.ring.to_json())
            }
            None => return Ok(None),
        };
        Self::parse(&set).map(Some).map_err(|error| Failure::Keys { place, error })
    }

    /// Reads a JWK set, whose keys may have a state.
    pub(super) fn parse(set: &str) -> Result<Self, KeyError> {
        let verifying = VerifyingKeys::parse(set)?;
        // Read before without complaint, but for members that only rings have.
        let set: Value = serde_json::from_str(set).unwrap_or_default();
        let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
        let states = keys.filter_map(|key| {
            let kid = key.get("kid")?.as_str()?.to_owned();
            Some((kid, KeyState::deserialize(key.get("state")?).ok()?))
        });
        Ok(Self { verifying, states: states.collect() })
    }

    /// What the key of that id is for, and what it does.
    pub(super) fn describe(&self, kid: &str) -> Option<(Algorithm, Option<KeyState>)> {
        let key = self.verifying.find(kid)?;
        let state = self.states.iter().find(|(of, _)| of == kid).map(|(_, state)| *state);
        Some((key.algorithm(), state))
    }
}

#[cfg(test)]
mod tests {
    use auth_testkit::subject::{KID, key_ring};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_has_the_state_that_its_ring_gives_it() {
        let mut set = json!(key_ring().public_jwk_set());
        let state = |set: &Value| Keys::parse(&set.to_string()).unwrap().describe(KID);
        assert_eq!(state(&set), Some((Algorithm::Es256, None)));
        set["keys"][0]["state"] = "current".into();
        assert_eq!(state(&set), Some((Algorithm::Es256, Some(KeyState::Current))));
        assert!(Keys::parse(&set.to_string()).unwrap().describe("other").is_none());
    }
}
