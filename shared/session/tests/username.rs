//! User names.
#![cfg(test)]

use latchkey_session::{Username, UsernameError};

fn folded(typed: &str) -> String {
    Username::parse(typed).unwrap().folded().to_owned()
}

#[test]
fn names_that_differ_in_case_width_or_composition_are_one_name() {
    assert_eq!(folded("Alice"), "alice");
    assert_eq!(folded("ＡＬＩＣＥ"), "alice");
    assert_eq!(folded("e\u{301}ric"), folded("Éric"));
}

#[test]
fn the_typed_form_is_kept() {
    assert_eq!(Username::parse("Alice").unwrap().typed(), "Alice");
}

#[test]
fn an_email_address_is_a_user_name() {
    assert_eq!(folded("Alice+shop@Example.com"), "alice+shop@example.com");
}

#[test]
fn names_of_other_scripts_stay_distinct() {
    assert_ne!(folded("аlice"), folded("alice"), "a Cyrillic letter is another letter");
}

#[test]
fn names_outside_1_to_128_characters_are_refused() {
    assert_eq!(Username::parse(""), Err(UsernameError::Length));
    assert_eq!(Username::parse(&"x".repeat(129)), Err(UsernameError::Length));
    assert!(Username::parse("x").is_ok());
    assert!(Username::parse(&"ü".repeat(128)).is_ok());
    assert!(Username::parse(&"u\u{308}".repeat(128)).is_ok(), "as long as its composed form");
}

#[test]
fn letters_newer_than_unicode_6_3_are_accepted() {
    for name in ["\u{2cd02}明", "王\u{9fcd}", "\u{13a0}\u{13b3}"] {
        assert!(Username::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn composed_and_decomposed_spellings_of_every_script_are_one_name() {
    assert_eq!(folded("\u{1112}\u{1161}\u{11ab}글"), folded("한글"));
    assert_eq!(folded("\u{958}"), folded("\u{915}\u{93c}"));
    assert_eq!(folded("\u{212b}ngström"), "ångström");
}

#[test]
fn a_capital_sigma_at_the_end_of_a_word_becomes_a_final_one() {
    assert_eq!(folded("ΓΙΩΡΓΟΣ"), "γιωργος");
}

#[test]
fn a_name_that_mixes_directions_is_refused_with_that_reason() {
    assert_eq!(Username::parse("שלוםhello"), Err(UsernameError::Direction));
    assert!(Username::parse("שלום1").is_ok());
}

#[test]
fn invisible_and_disallowed_characters_are_refused() {
    for character in [
        ' ',
        '\t',
        '\n',
        '\0',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{ad}',
        '\u{200b}',
        '\u{200d}',
        '\u{202e}',
        '\u{feff}',
        '\u{e0001}',
        '\u{fffd}',
        '😀',
    ] {
        let name = format!("al{character}ice");
        assert_eq!(Username::parse(&name), Err(UsernameError::Character), "{name:?}");
    }
}

#[test]
fn syntax_of_other_languages_is_an_ordinary_name() {
    for name in [":v", "#n", "{\"S\":\"x\"}", "<script>", "__proto__", "null", "${jndi:x}"] {
        assert!(Username::parse(name).is_ok(), "{name}");
    }
}
