//! The header fields that may hold a token.

use std::borrow::Cow;

use cookie::Cookie;
use lambda_http::http::{
    HeaderMap,
    header::{COOKIE, SEC_WEBSOCKET_PROTOCOL},
};
use latchkey_http::fields::elements;

/// The tokens in credentials of one of `schemes`, in any case and with one or more blanks after the
/// scheme (RFC 9110 §11.4). A further list element without a scheme invalidates the token before
/// it.
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

/// The values of all cookies named `name`; each path and domain may have set one.
pub(crate) fn cookies_named<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> impl Iterator<Item = Cow<'a, str>> {
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let pair = Cookie::parse(String::from_utf8_lossy(pair)).ok()?;
        let is_named = pair.name() == name && !pair.value().is_empty();
        is_named.then(|| Cow::Owned(pair.value().to_owned()))
    })
}

/// The WebSocket subprotocols that look like a token. A page offers the token beside the
/// subprotocols that it speaks.
pub(crate) fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = Cow<'_, str>> {
    // The header of a token is a JSON object, and `{"` is `eyJ` in base64url.
    let is_token = |offered: &&[u8]| {
        offered.starts_with(b"eyJ") && offered.split(|byte| *byte == b'.').count() == 3
    };
    elements(headers, &SEC_WEBSOCKET_PROTOCOL).filter(is_token).map(String::from_utf8_lossy)
}
