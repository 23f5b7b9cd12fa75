//! One-time codes.
#![cfg(test)]

use std::{collections::BTreeSet, time::Duration};

use latchkey_session::{CODE_LIFETIME, CodeHash, OneTimeCode, OneTimeCodes};
use latchkey_token::Timestamp;
use proptest::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};

const NOW: Timestamp = Timestamp::from_unix(1_700_000_000);

fn hash(text: &str) -> Option<CodeHash> {
    CodeHash::of(&SecretString::from(text))
}

fn code() -> String {
    OneTimeCode::generate().unwrap().text().expose_secret().to_owned()
}

#[test]
fn a_code_has_24_symbols_in_groups_of_four_and_is_random() {
    let codes: BTreeSet<_> = (0..1_000).map(|_| code()).collect();
    assert_eq!(codes.len(), 1_000);
    for code in &codes {
        let groups: Vec<_> = code.split('-').collect();
        assert!(groups.len() == 6 && groups.iter().all(|group| group.len() == 4), "{code}");
        let is_symbol = |c: char| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(c);
        assert!(groups.concat().chars().all(is_symbol), "{code}");
    }
    let used: BTreeSet<_> = codes.iter().flat_map(|code| code.chars()).collect();
    assert_eq!(used.len(), 33, "all symbols and the hyphen");
}

#[test]
fn debug_output_shows_no_code() {
    let generated = OneTimeCode::generate().unwrap();
    let printed = format!("{generated:?} {:?}", CodeHash::of(generated.text()));
    assert!(!printed.contains(generated.text().expose_secret()));
    assert!(printed.contains("redacted"), "{printed}");
}

#[test]
fn letters_that_look_alike_are_one_symbol() {
    let same = |a: &str, b: &str| assert!(hash(a).is_some() && hash(a) == hash(b), "{a} {b}");
    same("0123-4567-89AB-CDEF-GHJK-MNPQ", "o1234567 89ab cdef ghjk mnpq");
    same("1111-1111-1111-1111-1111-1111", "iIlL-1111-iIlL-1111-iIlL-1111");
    same("0000-0000-0000-0000-0000-0000", "oO0oO0oO0oO0oO0oO0oO0oO0");
    for odd in
        ["", "-", "0123", "U123-4567-89AB-CDEF-GHJK-MNPQ", "0123-4567-89AB-CDEF-GHJK-MNP\u{301}"]
    {
        assert_eq!(hash(odd), None, "{odd}");
    }
}

proptest! {
    #[test]
    fn any_other_text_is_another_code_or_none(text in "[0-9A-Za-z -]{0,40}") {
        let own = code();
        prop_assert_ne!(hash(&text), hash(&own));
    }

    #[test]
    fn the_three_newest_codes_are_valid_for_a_day(
        pauses in prop::collection::vec(0..100_000_u64, 1..8),
        later in 0..200_000_u64,
    ) {
        let (mut codes, mut added, mut now) = (OneTimeCodes::default(), Vec::new(), NOW);
        for pause in pauses {
            now = now + Duration::from_secs(pause);
            let code = hash(&code()).unwrap();
            codes.add(code, now);
            // Of two codes of one second, the later one expires a second later.
            let after_last = added.last().map_or(now, |(_, last)| *last + Duration::from_secs(1));
            added.push((code, after_last.max(now + CODE_LIFETIME)));
        }
        let then = now + Duration::from_secs(later);
        let newest = added.iter().rev().take(3).map(|(code, _)| *code).collect::<Vec<_>>();
        for (code, expires_at) in added {
            let is_valid = newest.contains(&code) && then < expires_at;
            prop_assert_eq!(codes.accept(code, then), is_valid);
        }
        prop_assert!(codes.iter().count() <= 3);
        let stored = OneTimeCodes::new(codes.iter().collect());
        prop_assert_eq!(stored, codes);
    }
}

#[test]
fn codes_of_one_second_keep_their_order_when_they_are_stored() {
    let mut codes = OneTimeCodes::default();
    let added: Vec<_> = (0..6).map(|_| hash(&code()).unwrap()).collect();
    for code in &added {
        codes.add(*code, NOW);
        codes = OneTimeCodes::new(codes.iter().collect());
    }
    let valid: Vec<_> = codes.iter().map(|(code, _)| code).collect();
    assert_eq!(valid, added[3..]);
}
