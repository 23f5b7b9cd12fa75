//! Identifiers and timestamps.

use std::{collections::HashSet, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_token::{SessionId, Timestamp, UserId};

#[test]
fn generated_identifiers_have_128_bits_and_do_not_repeat() {
    let ids: HashSet<_> = (0..10_000).map(|_| SessionId::generate().unwrap()).collect();
    assert_eq!(ids.len(), 10_000);
    for id in &ids {
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(id.as_str()).unwrap().len(), 16);
    }
}

#[test]
fn text_with_other_characters_is_not_an_identifier() {
    let long = "a".repeat(65);
    for text in ["", "a b", "a#b", "a.b", "ä", "a\n", long.as_str()] {
        assert_eq!(SessionId::parse(text), None, "{text:?}");
    }
}

#[test]
fn user_ids_of_another_service_are_accepted() {
    let long = "x".repeat(255);
    for text in
        ["auth0|5f7c8ec7c33c6c004bbafe82", "1", "b0b5:~!", "google-oauth2|10", long.as_str()]
    {
        assert_eq!(UserId::parse(text).unwrap().as_str(), text);
    }
    let longer = format!("{long}x");
    for text in ["", "a b", "ä", "a\n", "a\u{7f}", longer.as_str()] {
        assert_eq!(UserId::parse(text), None, "{text:?}");
    }
}

#[test]
fn adding_to_the_last_timestamp_does_not_wrap() {
    let end = Timestamp::from_unix(u64::MAX);
    assert_eq!(end + Duration::from_secs(1), end);
}

#[test]
fn the_time_since_a_later_timestamp_is_zero() {
    let (earlier, later) = (Timestamp::from_unix(10), Timestamp::from_unix(25));
    assert_eq!(later.since(earlier), Duration::from_secs(15));
    assert_eq!(earlier.since(later), Duration::ZERO);
}
