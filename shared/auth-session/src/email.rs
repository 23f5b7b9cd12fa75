//! E-mail addresses.

use std::fmt;

/// The longest address that SMTP can carry (RFC 5321 §4.5.3.1.3, without the brackets).
const MAX_BYTES: usize = 254;

/// An address that a message could be sent to. Whether somebody reads it is not known.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Prints no address, because what prints ends in a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email([redacted])")
    }
}

/// The text is no e-mail address. The sentence completes "`email` …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address of at most 254 bytes")]
pub struct EmailError;

impl Email {
    /// Takes an address from text: something, an `@`, a domain; no spaces or control characters.
    /// The domain is folded to lower case; the part before it is its owner's business.
    ///
    /// # Errors
    /// [`EmailError`].
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let labels_are_filled = domain.split('.').all(|label| !label.is_empty());
        let is_printable = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if local.is_empty() || !labels_are_filled || !is_printable || text.len() > MAX_BYTES {
            return Err(EmailError);
        }
        Ok(Self(format!("{local}@{}", domain.to_lowercase())))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_folded_and_the_local_part_is_kept() {
        let email = Email::parse("Alice+Shop@Example.COM").unwrap();
        assert_eq!(email.as_str(), "Alice+Shop@example.com");
        assert!(Email::parse("\"a@b\"@example.com").is_ok());
    }

    #[test]
    fn an_address_does_not_print() {
        let printed = format!("{:?}", Email::parse("alice@example.com").unwrap());
        assert_eq!(printed, "Email([redacted])");
    }

    #[test]
    fn text_that_no_message_could_be_sent_to_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in
            ["", "a", "@", "a@", "@b", "a@b..c", "a@.b", "a b@c.d", "a@b\n.c", long.as_str()]
        {
            assert_eq!(Email::parse(text), Err(EmailError), "{text:?}");
        }
    }
}
