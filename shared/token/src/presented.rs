//! Tokens as they arrive.

use std::fmt;

use crate::{encoding, error::TokenError, header::UnverifiedHeader};

/// The longest text that is looked at. API Gateway passes 10,240 bytes of headers in all, so a
/// longer token only makes us compute.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token as a client presented it: three parts of text of a bearable length, nothing verified.
#[derive(Clone, Copy)]
pub struct PresentedToken<'a> {
    pub(crate) text: &'a str,
    message: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> PresentedToken<'a> {
    /// Takes the compact serialisation apart (RFC 7515 §3.1).
    ///
    /// # Errors
    /// [`TokenError::TooLong`] and [`TokenError::NotCompact`].
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::NotCompact)?;
        if payload.contains('.') || [header, payload, signature].contains(&"") {
            return Err(TokenError::NotCompact);
        }
        Ok(Self { text, message, header, payload, signature })
    }

    /// What was signed.
    pub(crate) const fn message(self) -> &'a str {
        self.message
    }

    pub(crate) const fn signature(self) -> &'a str {
        self.signature
    }

    /// Its parts as they are encoded: header, payload, signature.
    pub(crate) const fn parts(self) -> [&'a str; 3] {
        [self.header, self.payload, self.signature]
    }

    /// The header, unverified.
    pub(crate) fn header(self) -> Option<UnverifiedHeader> {
        UnverifiedHeader::parse(&encoding::from_base64url(self.header)?)
    }

    /// The bytes of the payload, unverified.
    pub(crate) fn payload(self) -> Option<Vec<u8>> {
        encoding::from_base64url(self.payload)
    }
}

/// A token is as good as a password, so it prints its length only.
impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedToken({} bytes)", self.text.len())
    }
}
