use std::collections::BTreeSet;

use super::*;
use crate::policy::filter::is_common;

const LIST: &str = include_str!("../../tests/lists/held-out.txt");

fn lookups(text: &str) -> BTreeSet<String> {
    let text_in_parts = Text::new(text);
    let no_words = Words::default().mark(&text_in_parts);
    text_in_parts.lookups(text, &no_words)
}

#[test]
fn the_filter_has_fewer_than_one_false_positive_in_fifty_thousand() {
    let found = (0..200_000).filter(|number| is_common(&format!("no password {number}"))).count();
    assert!(found < 4, "{found}");
}

#[test]
fn the_longest_password_has_fewer_than_200_forms() {
    for text in [
        "4@8({[<369g6!|1|0$5+7%2\"*5".repeat(10),
        format!("password{}", "1!".repeat(124)),
        format!("{}dragon{}", "1!".repeat(20), "7#".repeat(9)),
        "qwertyuiop".repeat(26),
        "p-a-s-s-w-o-r-d-1-".repeat(14),
    ] {
        let text: String = text.chars().take(256).collect();
        let forms = lookups(&text);
        assert!(forms.len() < 200, "{} for {text}", forms.len());
    }
}

#[test]
fn a_filter_finds_all_its_entries_and_its_build_is_reproducible() {
    let build = || {
        let mut builder = FilterBuilder::default();
        for password in LIST.lines() {
            assert!(builder.add_password(password), "{password}");
        }
        // The SHA-1 of "Zxqvorn-1", as Have I Been Pwned lists it.
        builder.add_sha1("423545CF848BD25B516CFA3FA60DE59A6F9EBA5A:42").unwrap();
        builder.build().unwrap()
    };
    let (entries, bytes) = build();
    assert_eq!(bytes, build().1);
    assert!(entries > 1_500, "{entries}");
    let filter = filter::CommonPasswords::read(bytes.leak()).unwrap();
    let contains =
        |text: &str| lookups(text).iter().any(|form| filter.contains(&filter::key_of(form)));
    for password in LIST.lines() {
        assert!(contains(password), "{password}");
    }
    assert!(contains("Zxqvorn-1"));
    assert!(!contains("kqvxzwpf-jhd"));
}

#[test]
fn a_damaged_filter_is_not_read() {
    assert!(filter::CommonPasswords::read(b"damaged").is_none());
}
