//! A ring's keys, as operators call them.

use auth_token::{KeyState, PublishedKey, PublishedRing};

use crate::failure::Failure;

/// Less of a key's id is too easily another key's.
pub(crate) const MIN_ID_CHARACTERS: usize = 6;

/// The id of the key that signs after the next rotation.
pub(super) fn next(ring: &PublishedRing) -> Option<&str> {
    ring.in_state(KeyState::Next).map(|key| key.jwk.kid.as_str())
}

/// The one key whose id is `id`, or begins so.
pub(super) fn find<'ring>(
    ring: &'ring PublishedRing,
    id: &str,
) -> Result<&'ring PublishedKey, Failure> {
    if let Some(key) = ring.find(id) {
        return Ok(key);
    }
    let mut fitting = ring.keys.iter().filter(|key| key.jwk.kid.starts_with(id));
    let is_short = id.chars().count() < MIN_ID_CHARACTERS;
    match (fitting.next(), fitting.next()) {
        (None, _) => Err(Failure::UnknownKey(id.to_owned())),
        (Some(_), _) if is_short => Err(Failure::ShortKeyId(id.to_owned())),
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(Failure::AmbiguousKey(id.to_owned())),
    }
}

/// Reports for tests.
#[cfg(test)]
pub(super) mod support {
    use auth_token::RingReport;
    use serde_json::json;

    /// When the keys of [`report`] got their states.
    pub(crate) const SINCE: u64 = 1_700_000_000;

    /// A report of these keys, as their ids and states. The current one signs.
    pub(crate) fn report(keys: &[(&str, &str)], agree: bool) -> RingReport {
        let signing = keys.iter().find(|(_, state)| *state == "current").map(|(kid, _)| *kid);
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
        let report = json!({ "keys": keys, "agree": agree, "signing": signing, "max_age": 120 });
        serde_json::from_value(report).unwrap()
    }

    /// The same of keys that are not the secret's, whose ring signs with `signing`.
    pub(crate) fn disagreement(keys: &[(&str, &str)], signing: Option<&str>) -> RingReport {
        RingReport { signing: signing.map(str::to_owned), ..report(keys, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::{support::report, *};

    fn found(id: &str) -> Result<String, Failure> {
        let keys = [
            ("abcdef-1", "current"),
            ("abcdef-2", "next"),
            ("xyz", "previous"),
            ("xyz1234", "previous"),
            ("éèêëäö", "previous"),
        ];
        find(&report(&keys, true).ring, id).map(|key| key.jwk.kid.clone())
    }

    #[test]
    fn a_key_is_found_by_its_id_or_the_beginning_of_it() {
        assert_eq!(found("abcdef-1").unwrap(), "abcdef-1");
        assert_eq!(found("xyz123").unwrap(), "xyz1234");
        assert_eq!(found("xyz").unwrap(), "xyz", "the whole id, although another begins so");
        assert_eq!(found("éèêëäö").unwrap(), "éèêëäö");
    }

    #[test]
    fn no_key_is_found_by_too_little_or_by_what_fits_several() {
        for id in ["", "a", "abcde", "xyz12", "éèêëä"] {
            assert!(matches!(found(id), Err(Failure::ShortKeyId(_))), "{id:?}");
        }
        for id in ["abcdef", "abcdef-"] {
            assert!(matches!(found(id), Err(Failure::AmbiguousKey(_))), "{id:?}");
        }
        for id in ["abcdef-3", "ABCDEF-1", "abcdef-1 ", "b", "xyz12345", "ö"] {
            assert!(matches!(found(id), Err(Failure::UnknownKey(_))), "{id:?}");
        }
    }

    #[test]
    fn a_ring_may_have_no_next_key() {
        assert_eq!(next(&report(&[("a", "current"), ("b", "next")], true).ring), Some("b"));
        assert_eq!(next(&report(&[("a", "current")], true).ring), None);
    }
}
