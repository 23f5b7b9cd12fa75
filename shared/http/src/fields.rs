//! What header fields hold, byte by byte: they come from anyone, and what is not ours may be
//! anything.

use std::borrow::Cow;

use lambda_http::http::{
    HeaderMap, HeaderName,
    header::{COOKIE, SEC_WEBSOCKET_PROTOCOL},
};

/// Where in a text with quoted strings a reader is (RFC 9110 §5.6.4).
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

/// The parts of `text` between separators that are not in a quoted string, without the blanks
/// around them. A quote that nothing closes is a character like others.
pub(crate) fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
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

/// The elements of a field that is a list. A gateway joins the lines of a repeated field by
/// commas (RFC 9110 §5.3), so a field that should be there once is read as one too.
pub(crate) fn elements<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    let elements = lines.flat_map(|line| split_unquoted(line.as_bytes(), b','));
    elements.filter(|element| !element.is_empty())
}

/// The tokens in credentials of one of `schemes`, which may be written in any case and with more
/// than one blank after them (RFC 9110 §11.4). What follows a token after a comma, and is of no
/// scheme, makes it none.
pub(crate) fn tokens_of_scheme<'a>(
    credentials: impl Iterator<Item = &'a [u8]>,
    schemes: [Option<&str>; 2],
) -> Vec<Cow<'a, str>> {
    let mut tokens = Vec::new();
    let mut is_ours = false;
    for element in credentials {
        let end = element.iter().position(|byte| *byte == b' ').unwrap_or(element.len());
        let (scheme, token) = element.split_at_checked(end).unwrap_or_default();
        let names = |ours: &str| scheme.eq_ignore_ascii_case(ours.as_bytes());
        if schemes.into_iter().flatten().any(names) {
            is_ours = true;
            tokens.push(String::from_utf8_lossy(token.trim_ascii()));
        } else if !token.is_empty() && !scheme.contains(&b'=') {
            is_ours = false;
        } else if is_ours && let Some(last) = tokens.last_mut() {
            *last = Cow::Borrowed("");
        }
    }
    tokens
}

/// The values of every cookie of that name; several paths and domains may have set one each.
pub(crate) fn cookies_named<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl Iterator<Item = Cow<'a, str>> {
    let lines = headers.get_all(COOKIE).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(move |cookie| {
        let end = cookie.iter().position(|byte| *byte == b'=')?;
        let (found, value) = cookie.split_at_checked(end)?;
        let value = value.get(1..)?.trim_ascii();
        let is_ours = found.trim_ascii() == name.as_bytes() && !value.is_empty();
        is_ours.then(|| String::from_utf8_lossy(value))
    })
}

/// The subprotocols that look like a token: a page offers one beside those that it speaks.
pub(crate) fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = Cow<'_, str>> {
    // Every token's header is an object, and `{"` is `eyJ` in base64url.
    let is_token = |offered: &&[u8]| {
        offered.starts_with(b"eyJ") && offered.split(|byte| *byte == b'.').count() == 3
    };
    elements(headers, &SEC_WEBSOCKET_PROTOCOL).filter(is_token).map(String::from_utf8_lossy)
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

    #[test]
    fn a_subprotocol_is_a_token_only_when_it_looks_like_one() {
        let mut headers = HeaderMap::new();
        for line in ["graphql-ws, eyJh.b.c", "v1.chat.example", "eyJ", "eyJa.b.c.d"] {
            headers.append(SEC_WEBSOCKET_PROTOCOL, line.parse().unwrap());
        }
        assert_eq!(subprotocols(&headers).collect::<Vec<_>>(), ["eyJh.b.c"]);
    }
}
