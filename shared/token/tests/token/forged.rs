//! Invalid access tokens, each with one defect.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::fixtures::{
    JWK_SET, NOW, claims, ecdsa, header, sign, sign_texts, sign_with_foreign_key, sign_with_hmac,
    test_pair, token, with, with_signature,
};

/// The name of the defect, and the token.
pub(crate) type BadToken = (String, String);

/// All invalid tokens but expired ones.
pub(crate) fn bad_tokens() -> Vec<BadToken> {
    [bad_signatures(), bad_headers(), bad_claims(), bad_payloads(), bad_texts()].concat()
}

/// Encodings of the public key that an attacker could use as an HMAC secret.
fn public_key_as_secret() -> Vec<Vec<u8>> {
    let point = test_pair().public_key().as_ref().to_vec();
    let der = [
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ][..],
        &point,
    ]
    .concat();
    let base64 = BASE64_STANDARD.encode(&der);
    let (first, second) = base64.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----");
    let jwk = serde_json::from_str::<Value>(JWK_SET).unwrap()["keys"][0].take();
    vec![
        format!("{pem}\n").into_bytes(),
        pem.into_bytes(),
        der,
        point[1..].to_vec(),
        point[1..33].to_vec(),
        point,
        with(jwk, "d", Value::Null).to_string().into_bytes(),
    ]
}

fn bad_signatures() -> Vec<BadToken> {
    let valid = sign(&header(), &claims());
    let (message, _) = valid.rsplit_once('.').unwrap();
    let hs256 = with(header(), "alg", "HS256".into());
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p384 = token(&header().to_string(), &claims().to_string(), |text| ecdsa(&p384, text));
    let mut tokens = vec![
        ("another key".to_owned(), sign_with_foreign_key(&header(), &claims())),
        ("a P-384 key".to_owned(), p384),
        ("no signature".to_owned(), format!("{message}.")),
        ("a zero signature".to_owned(), with_signature(&header(), &claims(), &[0; 64])),
    ];
    let guessable = ["secret", "changeme", "your-256-bit-secret", "dev", JWK_SET];
    let guessable = guessable.map(|secret| secret.as_bytes().to_vec());
    for (index, secret) in public_key_as_secret().into_iter().chain(guessable).enumerate() {
        let token = sign_with_hmac(&hs256, &claims(), &secret);
        tokens.push((format!("HS256 with a known secret, {index}"), token));
        let token = sign_with_hmac(&header(), &claims(), &secret);
        tokens.push((format!("an HMAC as ES256, {index}"), token));
    }
    tokens
}

fn bad_headers() -> Vec<BadToken> {
    let escaped = r#"{"alg":"n\u006fne","kid":"test-key","typ":"at+jwt"}"#;
    let mut tokens =
        vec![("alg none escaped".to_owned(), sign_texts(escaped, &claims().to_string()))];
    for alg in ["none", "None", "NONE", "nOnE", "none ", " none", "none\0", "", "es256"] {
        let header = with(header(), "alg", alg.into());
        tokens.push((format!("alg {alg:?} unsigned"), with_signature(&header, &claims(), b"")));
    }
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("es256")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("alg", json!("EdDSA")),
        ("kid", json!("")),
        ("kid", json!("other")),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR '1'='1")),
        ("kid", json!("TEST-KEY")),
        ("kid", json!("test-key\0")),
        ("kid", json!(7)),
        ("kid", json!(["test-key"])),
        ("kid", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt")),
        ("typ", json!("id+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!(1)),
        ("typ", Value::Null),
    ] {
        let name = format!("header {name} {value}");
        let member = name.split(' ').nth(1).unwrap();
        tokens.push((name.clone(), sign(&with(header(), member, value), &claims())));
    }
    tokens
}

fn bad_claims() -> Vec<BadToken> {
    let now = NOW.unix();
    let values = [
        ("iss", json!("https://auth.example.com/")),
        ("iss", json!(["https://auth.example.com"])),
        ("iss", json!(7)),
        ("aud", json!("https://other.example.com")),
        ("aud", json!(["https://auth.example.com"])),
        ("aud", json!([])),
        ("sub", json!("")),
        ("sub", json!(5)),
        ("sub", json!("x".repeat(256))),
        ("sub", json!("a b")),
        ("sid", json!("a b")),
        ("type", json!("refresh")),
        ("type", json!("id")),
        ("fresh", json!("true")),
        ("roles", json!("admin")),
        ("roles", json!([1])),
        ("roles", json!({"$gt": ""})),
        ("exp", json!("9999999999")),
        ("exp", json!(-1)),
        ("exp", json!(true)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1_700_000_600.5)),
        ("exp", json!(now + 901)),
        ("nbf", json!(now + 600)),
        ("nbf", json!("99999999999")),
        ("iat", json!(now + 600)),
        ("iat", json!("now")),
    ];
    let names = claims().as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let missing = names.into_iter().map(|name| (name, Value::Null));
    let wrong = values.into_iter().map(|(name, value)| (name.to_owned(), value));
    let token = |(name, value): (String, Value)| sign(&header(), &with(claims(), &name, value));
    missing
        .chain(wrong)
        .map(|(name, value)| (format!("{name} {value:.40}"), token((name, value))))
        .collect()
}

fn bad_payloads() -> Vec<BadToken> {
    let text = claims().to_string();
    [
        ("a repeated claim", format!("{},\"sub\":\"user-2\"}}", text.trim_end_matches('}'))),
        ("two objects", format!("{text}{{}}")),
        ("an array", format!("[{text}]")),
        ("null", "null".to_owned()),
        ("a byte order mark", format!("\u{feff}{text}")),
        ("deep", "[".repeat(3_000)),
    ]
    .map(|(name, payload)| (name.to_owned(), sign_texts(&header().to_string(), &payload)))
    .to_vec()
}

fn bad_texts() -> Vec<BadToken> {
    let valid = sign(&header(), &claims());
    let (message, signature) = valid.rsplit_once('.').unwrap();
    [
        ("empty", String::new()),
        ("one dot", ".".to_owned()),
        ("dots", "..".to_owned()),
        ("a word", "token".to_owned()),
        ("two parts", message.to_owned()),
        ("four parts", format!("{valid}.x")),
        ("a leading dot", format!(".{valid}")),
        ("five parts", format!("{valid}.x.y")),
        ("padding", format!("{valid}=")),
        ("escaped dots", valid.replace('.', "%2E")),
        ("a space inside", format!("{message}. {signature}")),
        ("trailing junk", format!("{valid}?")),
        ("JSON", format!(r#"{{"payload":"x","signature":"{signature}"}}"#)),
        ("non-canonical base64url", with_unused_bits(&valid)),
        ("too long", format!("{valid}{}", "A".repeat(8 * 1024))),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .to_vec()
}

/// Sets unused bits in the last base64url character of a signature of 64 bytes.
fn with_unused_bits(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = token.split_at(token.len() - 1);
    let next = ALPHABET.find(last).unwrap() + 1;
    format!("{rest}{}", &ALPHABET[next..=next])
}
