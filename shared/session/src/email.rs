//! E-mail addresses.

use std::fmt;

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};
use latchkey_precis::{is_visible, nfc};

/// The longest address that SMTP can carry (RFC 5321 §4.5.3.1.3, without the brackets).
const MAX_BYTES: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;

/// An address that a message could be sent to. Whether it reaches a person is not known.
///
/// It is one addr-spec: no display name, no list, no comment, no address of a host.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Prints no address, because what prints ends in a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email([redacted])")
    }
}

/// The text is not one e-mail address. The sentence completes "`email` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one e-mail address of at most 254 bytes")]
pub struct EmailError;

impl Email {
    /// Takes an address from text.
    ///
    /// The domain is kept as A-labels in lower case, so that its spellings compare equal. The local
    /// part is kept as it is written, composed (NFC): only its host knows whether case matters.
    ///
    /// # Errors
    /// [`EmailError`].
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let local = nfc(local);
        if local.len() > MAX_LOCAL_BYTES || !(is_dot_string(&local) || is_quoted_string(&local)) {
            return Err(EmailError);
        }
        let address = format!("{local}@{}", to_a_labels(domain)?);
        if address.len() > MAX_BYTES { Err(EmailError) } else { Ok(Self(address)) }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `Dot-string` (RFC 5321 §4.1.2), with the letters of other scripts (RFC 6531 §3.3).
fn is_dot_string(local: &str) -> bool {
    let is_atext = |c: char| {
        let is_sign = "!#$%&'*+-/=?^_`{|}~".contains(c);
        c.is_ascii_alphanumeric() || is_sign || !c.is_ascii() && is_visible(c)
    };
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// `Quoted-string` (RFC 5321 §4.1.2).
fn is_quoted_string(local: &str) -> bool {
    let Some(content) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let is_printable = |c: char| matches!(c, ' '..='~') || !c.is_ascii() && is_visible(c);
    let mut characters = content.chars();
    while let Some(c) = characters.next() {
        let fits = match c {
            '\\' => characters.next().is_some_and(|escaped| matches!(escaped, ' '..='~')),
            '"' => false,
            other => is_printable(other),
        };
        if !fits {
            return false;
        }
    }
    !content.is_empty()
}

/// The domain as it is in the DNS (UTS #46, nontransitional).
fn to_a_labels(domain: &str) -> Result<String, EmailError> {
    if !domain.chars().all(is_visible) {
        return Err(EmailError);
    }
    Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map(String::from)
        .map_err(|_| EmailError)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn lengths_are_those_of_smtp() {
        let (local, label) = ("l".repeat(64), "d".repeat(63));
        let longest = format!("{local}@{label}.{label}.{}", "d".repeat(61));
        assert_eq!(longest.len(), MAX_BYTES);
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
    fn an_address_does_not_print() {
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
}
