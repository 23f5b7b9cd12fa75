//! Normalisation of paths, which gateways encode in different ways.

use std::fmt::Write as _;

/// Normalises a path or query so that each route has one spelling: encodes what the gateway has
/// decoded, and decodes unreserved characters in paths (RFC 3986 §6.2.2.2).
pub(crate) fn encoded(text: &str, is_query: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            let is_plain = is_unreserved(byte)
                || b"!$&'()*+,;=:@/".contains(&byte)
                || (is_query && byte == b'?');
            push(&mut encoded, byte, is_plain);
        } else if let Some((byte, after)) = escaped(after) {
            rest = after;
            push(&mut encoded, byte, is_unreserved(byte) && !is_query);
        } else {
            push(&mut encoded, byte, false);
        }
    }
    encoded
}

fn push(encoded: &mut String, byte: u8, is_plain: bool) {
    if is_plain {
        encoded.push(char::from(byte));
    } else {
        // Writing to a string cannot fail.
        let _: Result<(), _> = write!(encoded, "%{byte:02X}");
    }
}

/// The byte of two hexadecimal digits after a percent sign, and the rest of the text.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(2)?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let [high, low] = digits else { return None };
    let byte = digit(*high)? * 16 + digit(*low)?;
    Some((u8::try_from(byte).ok()?, rest))
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The rest of `path` if it lies below `prefix`. `None` for the prefix alone: a route may have the
/// same name.
pub(crate) fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
    Some(rest).filter(|rest| rest.starts_with('/'))
}
