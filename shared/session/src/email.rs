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
