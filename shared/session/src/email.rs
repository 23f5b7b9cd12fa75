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

/// A syntactically valid e-mail address. Whether it reaches a person is unknown.
///
/// It is one addr-spec (RFC 5321 §4.1.2, RFC 6531): no display name, list, comment or address
/// literal such as `[192.0.2.1]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Prints no address, because printed values end up in logs.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email([redacted])")
    }
}

/// The text is not one valid e-mail address. The message completes the sentence "`email` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one e-mail address of at most 254 bytes")]
pub struct EmailError;

impl Email {
    /// Parses an address.
    ///
    /// The domain is converted to lower-case A-labels (UTS #46), so that its spellings compare
    /// equal. The local part keeps its case, because only its host knows whether case matters; it
    /// is composed to NFC.
    ///
    /// # Errors
    /// [`EmailError`] unless the text is one addr-spec of at most 254 bytes whose local part has at
    /// most 64 bytes.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let local = nfc(local);
        if local.len() > MAX_LOCAL_BYTES || !(is_dot_string(&local) || is_quoted_string(&local)) {
            return Err(EmailError);
        }
        let address = format!("{local}@{}", to_a_labels(domain)?);
        if address.len() > MAX_BYTES { Err(EmailError) } else { Ok(Self(address)) }
    }

    /// The address: local part as typed, domain as A-labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `Dot-string` (RFC 5321 §4.1.2), with letters of all scripts (RFC 6531 §3.3).
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

/// The domain as in the DNS (UTS #46, nontransitional).
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
