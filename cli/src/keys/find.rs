//! Finding a key by the beginning of its id.

use latchkey_keys::{PublicRing, RingKey};

use crate::failure::Failure;

/// A shorter beginning is too easily another key's.
pub(crate) const MIN_ID_CHARACTERS: usize = 6;

/// The one key whose id is `id`, or begins so.
pub(super) fn find<'ring>(ring: &'ring PublicRing, id: &str) -> Result<&'ring RingKey, Failure> {
    if let Some(key) = ring.find(id) {
        return Ok(key);
    }
    let is_short = id.chars().count() < MIN_ID_CHARACTERS;
    let is_retired = !is_short && ring.retired.iter().any(|key| key.kid.starts_with(id));
    let mut fitting = ring.keys.iter().filter(|key| key.jwk.kid.starts_with(id));
    match (fitting.next(), fitting.next()) {
        (None, _) if is_retired => Err(Failure::RetiredKey(id.to_owned())),
        (None, _) => Err(Failure::UnknownKey(id.to_owned())),
        (Some(_), _) if is_short => Err(Failure::ShortKeyId(id.to_owned())),
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(Failure::AmbiguousKey(id.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::text::support::report;

    fn found(id: &str) -> Result<String, Failure> {
        let keys = [
            ("abcdef-1", "current"),
            ("abcdef-2", "next"),
            ("xyz", "previous"),
            ("xyz1234", "previous"),
            ("éèêëäö", "previous"),
        ];
        find(&report(&keys).keys, id).map(|key| key.jwk.kid.clone())
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
}
