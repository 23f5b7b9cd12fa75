//! The profiles, compared with Unicode's test data and with `precis_i18n`.
#![cfg(test)]

use latchkey_precis::{PrecisError, nfc, opaque_string, username_case_mapped};
use proptest::prelude::*;

const NORMALIZATION_TEST: &str = include_str!("data/NormalizationTest.txt");

fn text(code_points: &str) -> String {
    let character = |hex| char::from_u32(u32::from_str_radix(hex, 16).unwrap()).unwrap();
    code_points.split_whitespace().map(character).collect()
}

#[test]
fn canonically_equivalent_texts_are_one_name_and_one_password() {
    let (mut lines, mut names) = (0, 0);
    for line in NORMALIZATION_TEST.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split(';').map(text).collect();
        let [source, composed, decomposed] = &columns[..] else { panic!("{line}") };
        assert_eq!(nfc(source), *composed, "{line}");
        for surround in [|text: &str| text.to_owned(), |text: &str| format!("A{text}\u{301}ς")] {
            let [source, composed, decomposed] =
                [source, composed, decomposed].map(|text| surround(text));
            for spelling in [&source, &decomposed] {
                let name = username_case_mapped(&composed);
                assert_eq!(username_case_mapped(spelling), name, "{line}");
                names += usize::from(name.is_ok());
                assert_eq!(opaque_string(spelling), opaque_string(&composed), "{line}");
            }
        }
        lines += 1;
    }
    assert!(lines > 4_900 && names > 18_000, "{lines} lines, {names} names");
}

#[test]
fn all_emoji_are_accepted_in_passwords_and_unchanged() {
    let mut count = 0;
    for emoji in emojis::iter() {
        let tones = emoji.skin_tones().into_iter().flatten();
        for emoji in [emoji].into_iter().chain(tones) {
            let qualified = emoji.as_str();
            for spelling in [qualified.to_owned(), qualified.replace('\u{fe0f}', "")] {
                assert_eq!(opaque_string(&spelling).as_deref(), Ok(&*spelling), "{spelling:?}");
            }
            count += 1;
        }
    }
    assert!(count > 3_700, "{count}");
}

#[test]
fn characters_that_keyboards_produce_are_accepted_in_passwords() {
    for typed in [
        "1️⃣2️⃣#️⃣",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "👩🏽‍🚀",
        "🇩🇪🇫🇷",
        "می‌خواهم",
        "ក\u{200b}ខ",
        "שלום\u{200f}!",
        "عـــربي٣",
        "葛\u{e0100}飾",
        "col·lapse",
        "・・・",
        "ㆍ\u{119e}",
        "ﬁ½²",
        "\u{f8ff}",
        "\u{1fadd}\u{1fae8}",
    ] {
        assert_eq!(opaque_string(typed).as_deref(), Ok(&*nfc(typed)), "{typed:?}");
    }
}

#[test]
fn control_and_untypable_characters_are_refused_in_passwords() {
    for c in [
        '\0',
        '\n',
        '\u{7f}',
        '\u{85}',
        '\u{ad}',
        '\u{2028}',
        '\u{2029}',
        '\u{202e}',
        '\u{2066}',
        '\u{feff}',
        '\u{fdd0}',
        '\u{fffe}',
        '\u{3164}',
        '\u{e0001}',
    ] {
        let refused = opaque_string(&format!("abc{c}defgh"));
        assert_eq!(refused, Err(PrecisError::Character), "{c:?}");
    }
    assert_eq!(opaque_string(""), Err(PrecisError::Empty));
}

#[test]
fn letters_newer_than_unicode_6_3_are_accepted() {
    for name in ["\u{2cd02}明", "王\u{9fcd}", "\u{13a0}\u{13b3}", "\u{1e922}", "\u{33479}"] {
        assert!(username_case_mapped(name).is_ok(), "{name}");
    }
}

#[test]
fn prepared_names_equal_those_of_precis_i18n() {
    // Results of precis_i18n 1.1.2, which the migration guide uses; `-` is a refusal.
    for (typed, folded) in [
        ("ΓΙΩΡΓΟΣ", "γιωργος"),
        ("Σ", "σ"),
        ("ΑΣ.Σ", "ασ.ς"),
        ("İstanbul", "i\u{307}stanbul"),
        ("STRASSE", "strasse"),
        ("Straße", "straße"),
        ("ẞ", "ß"),
        ("ｶﾞ", "ガ"),
        ("ᾈ", "ᾀ"),
        ("ϴ", "θ"),
        ("\u{1c4}", "-"),
        ("ﬁ", "-"),
        ("Ⅳ", "-"),
        ("l·l", "l·l"),
        ("l·a", "-"),
        ("α͵", "-"),
        ("͵α", "͵α"),
        ("א׳", "א׳"),
        ("ァ・", "ァ・"),
        ("a・", "-"),
        ("١٢", "-"),
        ("ا١", "ا١"),
        ("ا١۲", "-"),
        ("क्‍ष", "क्‍ष"),
        ("a\u{200d}b", "-"),
        ("ب\u{200c}ب", "ب\u{200c}ب"),
        ("بa", "-"),
        ("אב1", "אב1"),
        ("אב1a", "-"),
        ("1א", "-"),
        ("אב\u{5b0}", "אב\u{5b0}"),
        ("عـ", "-"),
        ("☃", "-"),
        ("a b", "-"),
    ] {
        let found = username_case_mapped(typed);
        assert_eq!(found.as_deref().unwrap_or("-"), folded, "{typed:?}: {found:?}");
    }
}

#[test]
fn hangul_syllables_and_their_jamo_are_one_name() {
    for syllable in ('가'..='힣').step_by(7) {
        let mut jamo = String::new();
        let index = u32::from(syllable) - u32::from('가');
        let parts = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11a7 + index % 28];
        jamo.extend(parts.into_iter().filter(|c| *c != 0x11a7).filter_map(char::from_u32));
        let name = syllable.to_string();
        assert_eq!(username_case_mapped(&jamo).as_ref(), Ok(&name), "{syllable}");
        assert_eq!(opaque_string(&jamo).as_ref(), Ok(&name), "{syllable}");
    }
}

#[test]
fn the_prepared_form_of_every_character_is_stable() {
    // Every 97th of the ideographs and syllables, which have the same properties.
    let is_sampled = |c: char| c > '\u{20000}' || ('\u{3400}'..'\u{a000}').contains(&c);
    let mut accepted = 0;
    for c in ('\0'..=char::MAX).filter(|c| !is_sampled(*c) || u32::from(*c) % 97 == 0) {
        for text in [format!("A{c}Σ"), format!("{c}\u{301}\u{323}")] {
            if let Ok(name) = username_case_mapped(&text) {
                assert_eq!(username_case_mapped(&name).as_ref(), Ok(&name), "{c:?}");
                accepted += 1;
            }
            if let Ok(password) = opaque_string(&text) {
                assert_eq!(opaque_string(&password).as_ref(), Ok(&password), "{c:?}");
            }
        }
    }
    assert!(accepted > 50_000, "{accepted}");
}

proptest! {
    #[test]
    fn preparing_a_prepared_text_changes_nothing(text in "\\PC{1,12}") {
        if let Ok(name) = username_case_mapped(&text) {
            prop_assert_eq!(username_case_mapped(&name), Ok(name));
        }
        if let Ok(password) = opaque_string(&text) {
            prop_assert_eq!(opaque_string(&password), Ok(password));
        }
    }
}
