//! Parsing of header fields byte by byte, because a client may send any bytes.

use lambda_http::http::{HeaderMap, HeaderName};

/// Position in a text with quoted strings (RFC 9110 §5.6.4).
#[derive(Clone, Copy, Default)]
struct Quoting {
    is_quoted: bool,
    is_escaped: bool,
}

impl Quoting {
    const fn read(&mut self, byte: u8) {
        let was_escaped = self.is_escaped;
        self.is_escaped = self.is_quoted && !was_escaped && byte == b'\\';
        if byte == b'"' && !was_escaped {
            self.is_quoted = !self.is_quoted;
        }
    }
}

/// Splits `text` at separators outside quoted strings (RFC 9110 §5.6.4) and trims the parts. An
/// unclosed quote is an ordinary character.
pub fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoting = Quoting::default();
    for byte in text {
        quoting.read(*byte);
    }
    let has_strings = !quoting.is_quoted;
    quoting = Quoting::default();
    let parts = text.split(move |byte| {
        if has_strings {
            quoting.read(*byte);
        }
        *byte == separator && !quoting.is_quoted
    });
    parts.map(<[u8]>::trim_ascii)
}

/// The elements of a list field, without empty ones. Gateways join repeated fields with commas
/// (RFC 9110 §5.3), so parse fields that should occur once as lists too.
pub fn elements<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    let elements = lines.flat_map(|line| split_unquoted(line.as_bytes(), b','));
    elements.filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        let parts = split_unquoted(text.as_bytes(), b',');
        parts.map(|part| std::str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn a_comma_in_a_quoted_string_separates_nothing() {
        assert_eq!(split("a, b ,\tc"), ["a", "b", "c"]);
        assert_eq!(split(r#"Digest r="x, y", Bearer z"#), [r#"Digest r="x, y""#, "Bearer z"]);
        assert_eq!(split(r#"a="\\", b="c\"d, e", f"#), [r#"a="\\""#, r#"b="c\"d, e""#, "f"]);
    }

    #[test]
    fn a_quote_that_nothing_closes_hides_nothing() {
        assert_eq!(split(r#"Basic ", Bearer z"#), [r#"Basic ""#, "Bearer z"]);
    }
}
