//! Presented passwords.
#![cfg(test)]

use latchkey_password::{MAX_PASSWORD_CHARS, Password, PasswordError};
use secrecy::SecretString;

fn password(text: &str) -> Password {
    Password::parse(&SecretString::from(text)).unwrap()
}

fn is_same(one: &str, two: &str) -> bool {
    password(one).is_same(&password(two))
}

#[test]
fn only_composition_and_spaces_are_normalized() {
    assert!(is_same("cafe\u{301}\u{a0}x", "café x"));
    assert!(!is_same("Password", "password"));
    assert!(!is_same("ｆull", "full"));
    assert!(!is_same(" padded ", "padded"));
}

#[test]
fn up_to_256_characters_of_any_size_are_accepted_and_not_truncated() {
    let text = "😀".repeat(MAX_PASSWORD_CHARS);
    let other = format!("{}🦀", "😀".repeat(MAX_PASSWORD_CHARS - 1));
    assert!(!is_same(&text, &other), "the last character counts");
    let longer = SecretString::from(format!("{text}😀"));
    assert_eq!(Password::parse(&longer).unwrap_err(), PasswordError::TooLong);
}

#[test]
fn control_characters_are_refused_rather_than_dropped() {
    for text in ["abc\0defgh", "abc\ndefgh", "abc\u{7f}defgh"] {
        let text = SecretString::from(text);
        assert_eq!(Password::parse(&text).unwrap_err(), PasswordError::Character);
    }
}

#[test]
fn the_length_limit_applies_to_the_composed_form() {
    let (composed, decomposed) = ("가".repeat(256), "\u{1100}\u{1161}".repeat(256));
    assert!(is_same(&decomposed, &composed));
    let longer = SecretString::from(format!("{decomposed}\u{1100}\u{1161}"));
    assert_eq!(Password::parse(&longer).unwrap_err(), PasswordError::TooLong);
}

#[test]
fn emoji_keep_joiners_variation_selectors_and_tags() {
    for (text, invisible) in [
        ("👩🏽‍🚀🏳️‍🌈❤️", '\u{200d}'),
        ("👩🏽‍🚀🏳️‍🌈❤️", '\u{fe0f}'),
        ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", '\u{e0067}'),
        ("1️⃣2️⃣", '\u{20e3}'),
    ] {
        let without = text.replace(invisible, "");
        assert_ne!(text, without);
        assert!(!is_same(text, &without), "{text}");
    }
}

#[test]
fn unassigned_characters_are_accepted_and_do_not_hide_invalid_ones() {
    assert!(is_same("🤣\u{a0}🪸cafe\u{301}", "🤣 🪸café"));
    let hidden = SecretString::from("🪸🪸🪸🪸\0🪸🪸🪸🪸");
    assert_eq!(Password::parse(&hidden).unwrap_err(), PasswordError::Character);
}

#[test]
fn debug_output_of_a_password_is_redacted() {
    let password = Password::parse(&SecretString::from("correct horse")).unwrap();
    assert!(!format!("{password:?}").contains("horse"));
}
