//! Tokens as clients present them.

use std::fmt;

use crate::{encoding::from_base64url, error::TokenError};

/// The maximum length of a token in bytes: 8 KiB. API Gateway passes at most 10,240 bytes of
/// headers.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A token as a client presented it, split into three parts and not verified.
#[derive(Clone, Copy)]
pub struct PresentedToken<'a> {
    pub(crate) text: &'a str,
    /// The signed part: header and payload.
    pub(crate) message: &'a str,
    pub(crate) signature: &'a str,
    header: &'a str,
    payload: &'a str,
}

impl<'a> PresentedToken<'a> {
    /// Splits the compact serialisation (RFC 7515 §3.1) without decoding it.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] over [`MAX_TOKEN_BYTES`]; [`TokenError::NotCompact`] unless there
    /// are three parts that are not empty.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::NotCompact)?;
        if payload.contains('.') || [header, payload, signature].contains(&"") {
            return Err(TokenError::NotCompact);
        }
        Ok(Self { text, message, signature, header, payload })
    }

    /// Decodes header and payload. The signature must be canonical base64url too.
    pub(crate) fn decode(self) -> Result<(Vec<u8>, Vec<u8>), TokenError> {
        let decode = |part| from_base64url(part).ok_or(TokenError::NotCompact);
        let parts = (decode(self.header)?, decode(self.payload)?);
        decode(self.signature)?;
        Ok(parts)
    }
}

/// Prints the length only: a token is a bearer credential.
impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresentedToken({} bytes)", self.text.len())
    }
}
