//! What the keys function says of the ring.

use auth_token::{KeyState, PublishedKey};
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;

/// Less of a key's id is too easily another key's.
const MIN_PREFIX_BYTES: usize = 6;

/// A ring as the keys function describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ring {
    pub(crate) keys: Vec<PublishedKey>,
    /// Whether the secret holds the private halves of just these keys.
    pub(crate) agree: bool,
    /// After how many seconds every function has read a change.
    pub(crate) max_age: u64,
    /// What is wrong with the secret or the table, in sentences.
    #[serde(default)]
    pub(crate) problems: Vec<String>,
    /// The whole answer.
    #[serde(skip)]
    pub(crate) answer: Value,
}

impl Ring {
    /// `None` for an answer that does not describe a ring.
    pub(crate) fn read(answer: Value) -> Option<Self> {
        let ring = Self::deserialize(&answer).ok()?;
        Some(Self { answer, ..ring })
    }

    /// The id of the key that signs.
    pub(crate) fn current(&self) -> Option<&str> {
        self.kid_of(KeyState::Current)
    }

    /// The id of the key that signs after the next rotation.
    pub(crate) fn next(&self) -> Option<&str> {
        self.kid_of(KeyState::Next)
    }

    fn kid_of(&self, state: KeyState) -> Option<&str> {
        self.keys.iter().find(|key| key.state == state).map(|key| key.jwk.kid.as_str())
    }

    /// The one key whose id is `id`, or begins so.
    pub(crate) fn find(&self, id: &str) -> Result<&PublishedKey, Failure> {
        if let Some(key) = self.keys.iter().find(|key| key.jwk.kid == id) {
            return Ok(key);
        }
        let mut fitting = self.keys.iter().filter(|key| key.jwk.kid.starts_with(id));
        match (fitting.next(), fitting.next()) {
            (None, _) => Err(Failure::UnknownKey(id.to_owned())),
            (Some(_), _) if id.len() < MIN_PREFIX_BYTES => Err(Failure::ShortKeyId(id.to_owned())),
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Failure::AmbiguousKey(id.to_owned())),
        }
    }
}

/// Rings for tests.
#[cfg(test)]
pub(super) mod support {
    use serde_json::json;

    use super::*;

    /// When the keys of [`ring`] got their states.
    pub(crate) const SINCE: u64 = 1_700_000_000;

    /// A ring with these keys, as their ids and states.
    pub(crate) fn ring(keys: &[(&str, &str)], agree: bool) -> Ring {
        let key = |(kid, state): &(&str, &str)| {
            let mut key = json!({
                "kty": "OKP", "crv": "Ed25519", "x": "AA", "alg": "EdDSA", "use": "sig",
                "kid": kid, "state": state, "since": SINCE,
            });
            if *state == "previous" {
                key["until"] = json!(SINCE + 30 * 86_400);
            }
            key
        };
        let keys: Vec<_> = keys.iter().map(key).collect();
        Ring::read(json!({ "keys": keys, "agree": agree, "max_age": 120 })).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{support::ring, *};

    fn found(id: &str) -> Result<String, Failure> {
        let keys = [
            ("abcdef-1", "current"),
            ("abcdef-2", "next"),
            ("xyz", "previous"),
            ("xyz1234", "previous"),
        ];
        ring(&keys, true).find(id).map(|key| key.jwk.kid.clone())
    }

    #[test]
    fn a_key_is_found_by_its_id_or_the_beginning_of_it() {
        assert_eq!(found("abcdef-1").unwrap(), "abcdef-1");
        assert_eq!(found("xyz123").unwrap(), "xyz1234");
        assert_eq!(found("xyz").unwrap(), "xyz", "the whole id, although another begins so");
    }

    #[test]
    fn no_key_is_found_by_too_little_or_by_what_fits_several() {
        for id in ["", "a", "abcde", "xyz12"] {
            assert!(matches!(found(id), Err(Failure::ShortKeyId(_))), "{id:?}");
        }
        for id in ["abcdef", "abcdef-"] {
            assert!(matches!(found(id), Err(Failure::AmbiguousKey(_))), "{id:?}");
        }
        for id in ["abcdef-3", "ABCDEF-1", "abcdef-1 ", "b", "xyz12345", "é"] {
            assert!(matches!(found(id), Err(Failure::UnknownKey(_))), "{id:?}");
        }
    }

    #[test]
    fn an_answer_that_describes_no_ring_is_none() {
        for answer in [
            json!(null),
            json!({ "started": true }),
            json!({ "keys": [], "agree": true }),
            json!({ "keys": [{ "kid": "a" }], "agree": true, "max_age": 120 }),
        ] {
            assert!(Ring::read(answer.clone()).is_none(), "{answer}");
        }
        let empty = Ring::read(json!({ "keys": [], "agree": true, "max_age": 1 })).unwrap();
        assert_eq!((empty.current(), empty.next()), (None, None));
    }
}
