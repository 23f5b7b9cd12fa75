//! Tokens with a wrong signature, and malformed tokens.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_testkit::forge::{
    base64url, header, sign, sign_with_foreign_key, sign_with_hmac, sign_with_p384, with,
    with_other_bits, with_signature,
};
use serde_json::json;

use crate::tokens::{TokenList, alice};

pub(crate) fn signatures(list: &mut TokenList, base: u64) {
    let (header, claims) = (header(), alice(base));
    let genuine = sign(&header, &claims);
    let bytes = signature_of(&genuine);
    let (r, s) = bytes.split_at(32);
    let half = with_signature(&header, &claims, r);
    let long = with_signature(&header, &claims, &[&bytes[..], &[0]].concat());
    let swapped = with_signature(&header, &claims, &[s, r].concat());
    let admin = with(claims.clone(), "roles", json!(["admin"]));
    list.invalid("a foreign key", sign_with_foreign_key(&header, &claims));
    list.invalid("a key of another curve", sign_with_p384(&header, &claims));
    list.invalid("an HMAC as ES256", sign_with_hmac(&header, &claims, b"secret"));
    list.invalid("no signature", with_signature(&header, &claims, b""));
    list.invalid("a signature of zeros", with_signature(&header, &claims, &[0; 64]));
    list.invalid("r = n, s = n", with_signature(&header, &claims, &[ORDER, ORDER].concat()));
    list.invalid("the signature in DER", with_signature(&header, &claims, &der(r, s)));
    list.invalid("half of the signature", half);
    list.invalid("a byte after the signature", long);
    list.invalid("s before r", swapped);
    list.invalid("the signature of other claims", with_signature(&header, &admin, &bytes));
}

pub(crate) fn texts(list: &mut TokenList, base: u64) {
    let genuine = sign(&header(), &alice(base));
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let (first, payload) = message.split_once('.').unwrap();
    let standard = format!("{first}.{payload}.{}", standard_alphabet(signature));
    for (name, text) in [
        ("a word", "token".to_owned()),
        ("two dots", "..".to_owned()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{genuine}.x")),
        ("five parts", format!("{genuine}.x.y")),
        ("a dot before", format!(".{genuine}")),
        ("padding", format!("{genuine}=")),
        ("padding of the claims", format!("{first}.{payload}==.{signature}")),
        ("other unused bits at the end", with_other_bits(&genuine)),
        ("the standard base64 alphabet", standard),
        ("a space inside", format!("{message}. {signature}")),
        ("escaped dots", genuine.replace('.', "%2E")),
        ("a null character", format!("{genuine}\0")),
        ("non-ASCII letters", format!("{message}.ä{signature}")),
        ("JSON", r#"{"payload":"x"}"#.to_owned()),
        ("9,000 bytes", format!("{genuine}{}", "A".repeat(9_000 - genuine.len()))),
    ] {
        list.invalid(name, text);
    }
}

/// The group order of P-256 (SEC 2 §2.4.2).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn signature_of(token: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(token.rsplit('.').next().unwrap()).unwrap()
}

/// A token and its variant with n - s, which ECDSA also verifies.
pub(crate) fn twins(token: &str) -> (String, String) {
    let (message, _) = token.rsplit_once('.').unwrap();
    let mut signature = signature_of(token);
    let mut borrow = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    (token.to_owned(), format!("{message}.{}", base64url(signature)))
}

/// An ECDSA signature in DER.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign = usize::from(number[0] >= 0x80);
        let length = u8::try_from(number.len() + sign).unwrap();
        [&[0x02, length][..], &[0][..sign], number].concat()
    };
    let numbers = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(numbers.len()).unwrap()][..], &numbers].concat()
}

/// A base64url text with a character of standard base64.
fn standard_alphabet(text: &str) -> String {
    let other = text.replace('-', "+").replace('_', "/");
    if other == text { format!("+{}", &text[1..]) } else { other }
}
