//! E-mail addresses.
#![cfg(test)]

use latchkey_session::{Email, EmailError};

#[track_caller]
fn assert_parsed(text: &str, expected: &str) {
    assert_eq!(Email::parse(text).as_ref().map(Email::as_str), Ok(expected), "{text:?}");
}

#[test]
fn the_domain_is_folded_and_the_local_part_is_kept() {
    assert_parsed("Alice+Shop@Example.COM", "Alice+Shop@example.com");
    assert_parsed("o'brien/x=y@sub--domain.example", "o'brien/x=y@sub--domain.example");
    assert_parsed(r#""a@b, \"c\""@example.com"#, r#""a@b, \"c\""@example.com"#);
}

#[test]
fn spellings_of_an_internationalised_domain_are_one_address() {
    for domain in
        ["bücher.example", "BÜCHER.example", "bu\u{308}cher。example", "xn--bcher-kva.EXAMPLE"]
    {
        assert_parsed(&format!("a@{domain}"), "a@xn--bcher-kva.example");
    }
    assert_parsed("Jose\u{301}@straße.example", "José@xn--strae-oqa.example");
    assert_parsed("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v");
}

#[test]
fn the_length_limits_are_those_of_smtp() {
    let (local, label) = ("l".repeat(64), "d".repeat(63));
    let longest = format!("{local}@{label}.{label}.{}", "d".repeat(61));
    assert_eq!(longest.len(), 254);
    assert_parsed(&longest, &longest);
    for longer in [
        format!("{longest}d"),
        format!("l{local}@example.com"),
        format!("{}@example.com", "é".repeat(33)),
        format!("a@d{label}.example"),
    ] {
        assert_eq!(Email::parse(&longer), Err(EmailError), "{longer}");
    }
}

#[test]
fn debug_output_of_an_address_is_redacted() {
    let printed = format!("{:?}", Email::parse("alice@example.com").unwrap());
    assert_eq!(printed, "Email([redacted])");
}

#[test]
fn text_that_is_not_one_address_is_refused() {
    for text in [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b..c",
        "a@.b",
        "a@b.",
        "a@-b.c",
        "a@b-.c",
        "a@b_c.d",
        "a@xn--a.c",
        "a@[127.0.0.1]",
        "a b@c.d",
        " a@b.c",
        "a@b.c ",
        "a@b\n.c",
        "a@@example.com",
        "a@b@example.com",
        ".a@b.c",
        "a.@b.c",
        "a..b@c.d",
        "\"a\"b@c.d",
        "\"a@c.d",
        "\"\"@c.d",
        "\"a\\\"@c.d",
        "a(comment)@b.c",
        "Alice<alice@example.com>",
        "Alice <alice@example.com>",
        "<alice@example.com>",
        "mailto:alice@example.com",
        "victim@example.com,attacker@example.net",
        "victim@example.com;attacker@example.net",
        "victim@example.com attacker@example.net",
        "a@example.com,",
        "a\u{202e}b@example.com",
        "ab@example\u{202e}.com",
        "ab@exam\u{ad}ple.com",
        "a\u{200b}@example.com",
        "a\u{2066}@example.com",
        "a\u{a0}@example.com",
        "a\r\nBcc: b@example.com",
        "\"a\r\n\"@example.com",
        "a\0@example.com",
        "a\u{85}@example.com",
        "a@exam\0ple.com",
        "a@example.com\u{feff}",
    ] {
        assert_eq!(Email::parse(text), Err(EmailError), "{text:?}");
    }
}
