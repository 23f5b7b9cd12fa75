//! base64url as RFC 7515 §2 has it: no padding, and one spelling for each byte string.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Refuses padding and non-zero trailing bits, so that a token has exactly one text.
const CANONICAL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

pub(crate) fn to_base64url(bytes: &[u8]) -> String {
    CANONICAL.encode(bytes)
}

pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    CANONICAL.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_text_decodes() {
        assert_eq!(from_base64url("-_8").unwrap(), [0xfb, 0xff]);
        for text in ["-_8=", "-_9", "+/8", "-_8\n", " -_8", "-_8?", "-", "é"] {
            assert_eq!(from_base64url(text), None, "{text:?}");
        }
    }
}
