//! Forged tokens, signed with the right key or with others.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair as _,
    },
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_token::{SessionId, UserId};
use serde_json::{Value, json};

use crate::fixtures::{ISSUER, JWK_SET, KID, NOW};

/// The required claims of access tokens.
pub const REQUIRED_CLAIMS: [&str; 12] = [
    "iss",
    "aud",
    "sub",
    "username",
    "sid",
    "jti",
    "iat",
    "nbf",
    "exp",
    "auth_time",
    "type",
    "fresh",
];

/// base64url without padding.
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The header of access tokens.
pub fn header() -> Value {
    json!({ "alg": "ES256", "kid": KID, "typ": "at+jwt" })
}

/// The claims of a valid access token at [`NOW`].
pub fn claims() -> Value {
    claims_for(
        &UserId::parse("user-0000000000000000").unwrap(),
        &SessionId::parse("session-0000000000000").unwrap(),
    )
}

/// The claims of a valid access token at [`NOW`] for a user's session.
pub fn claims_for(user: &UserId, session: &SessionId) -> Value {
    let now = NOW.unix();
    json!({
        "iss": ISSUER, "aud": ISSUER, "sub": user, "username": "alice", "sid": session,
        "jti": "token-0000000000000000", "iat": now, "nbf": now, "exp": now + 900,
        "auth_time": now, "type": "access", "fresh": true,
    })
}

/// The header of refresh tokens.
pub fn refresh_header() -> Value {
    with(header(), "typ", "rt+jwt".into())
}

/// The claims of a valid refresh token at [`NOW`] for a user's session.
pub fn refresh_claims_for(user: &UserId, session: &SessionId, generation: u64) -> Value {
    let claims = with(claims_for(user, session), "type", "refresh".into());
    let claims = with(claims, "aud", format!("{ISSUER}#refresh").into());
    let claims = with(with(claims, "gen", generation.into()), "fresh", false.into());
    with(claims, "exp", (NOW.unix() + 30 * 86_400).into())
}

/// `value` with a member set to `new`, or removed if that is `Value::Null`.
pub fn with(mut value: Value, member: &str, new: Value) -> Value {
    let members = value.as_object_mut().unwrap();
    if new.is_null() {
        members.remove(member);
    } else {
        members.insert(member.to_owned(), new);
    }
    value
}

/// A token of a header and a payload text, signed with the private key of [`JWK_SET`].
pub fn sign_texts(header: &str, claims: &str) -> String {
    assemble(header, claims, |message| ecdsa(&test_pair(), message))
}

/// A token signed with the private key of [`JWK_SET`].
pub fn sign(header: &Value, claims: &Value) -> String {
    sign_texts(&header.to_string(), &claims.to_string())
}

/// A token signed with a new P-256 key.
pub fn sign_with_foreign_key(header: &Value, claims: &Value) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    assemble(&header.to_string(), &claims.to_string(), |message| ecdsa(&pair, message))
}

/// A token signed with a new P-384 key.
pub fn sign_with_p384(header: &Value, claims: &Value) -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    assemble(&header.to_string(), &claims.to_string(), |message| ecdsa(&pair, message))
}

/// A token with an HMAC-SHA-256 keyed by `secret`.
pub fn sign_with_hmac(header: &Value, claims: &Value, secret: &[u8]) -> String {
    assemble(&header.to_string(), &claims.to_string(), |message| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::sign(&key, message).as_ref().to_vec()
    })
}

/// A token with the given signature.
pub fn with_signature(header: &Value, claims: &Value, signature: &[u8]) -> String {
    assemble(&header.to_string(), &claims.to_string(), |_| signature.to_vec())
}

/// All encodings of the public key that could serve as an HMAC secret.
pub fn public_key_as_secret() -> Vec<Vec<u8>> {
    let pair = test_pair();
    let point = pair.public_key().as_ref().to_vec();
    let der = [
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ][..],
        &point,
    ]
    .concat();
    let base64 = base64::prelude::BASE64_STANDARD.encode(&der);
    let lines: Vec<_> =
        base64.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let mut jwk: Value = serde_json::from_str(JWK_SET).unwrap();
    let jwk = jwk["keys"][0].take();
    let jwk = with(jwk, "d", Value::Null);
    vec![
        format!("{pem}\n").into_bytes(),
        pem.into_bytes(),
        der,
        point[1..].to_vec(),
        point[1..33].to_vec(),
        point,
        jwk.to_string().into_bytes(),
    ]
}

fn test_pair() -> EcdsaKeyPair {
    let set: Value = serde_json::from_str(JWK_SET).unwrap();
    let part =
        |name: &str| BASE64_URL_SAFE_NO_PAD.decode(set["keys"][0][name].as_str().unwrap()).unwrap();
    let algorithm: &EcdsaSigningAlgorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let point = [vec![4], part("x"), part("y")].concat();
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, &part("d"), &point).unwrap()
}

fn ecdsa(pair: &EcdsaKeyPair, message: &[u8]) -> Vec<u8> {
    pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

fn assemble(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", base64url(header), base64url(claims));
    let signature = base64url(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Invalid access tokens at [`NOW`]: a name, the token, and the error code of the response.
pub fn bad_tokens() -> Vec<(String, String, &'static str)> {
    bad_tokens_like(&header(), &claims())
}

/// Invalid refresh tokens of a user's session, as [`bad_tokens`].
pub fn bad_refresh_tokens(
    user: &UserId,
    session: &SessionId,
) -> Vec<(String, String, &'static str)> {
    bad_tokens_like(&refresh_header(), &refresh_claims_for(user, session, 0))
}

/// Tokens that each differ in one defect from the valid token with `header` and `claims`, as
/// [`bad_tokens`]. The valid token must have the longest lifetime of its type.
#[expect(clippy::too_many_lines, reason = "one list of attacks")]
pub fn bad_tokens_like(header: &Value, claims: &Value) -> Vec<(String, String, &'static str)> {
    let now = claims["iat"].as_u64().unwrap();
    let lifetime = claims["exp"].as_u64().unwrap() - now;
    let (other_typ, other_type) =
        if claims["type"] == "access" { ("rt+jwt", "refresh") } else { ("at+jwt", "access") };
    let (header, claims) = (|| header.clone(), || claims.clone());
    let mut bad = Vec::new();
    let mut add = |name: &str, token: String, code: &'static str| {
        bad.push((name.to_owned(), token, code));
    };
    let valid = sign(&header(), &claims());
    let (message, signature) = valid.rsplit_once('.').unwrap();

    for alg in ["none", "None", "NONE", "nOnE", "none ", " none", "none\0", "", "es256"] {
        let header = with(header(), "alg", alg.into());
        let name = format!("alg {alg:?}");
        add(&format!("{name} unsigned"), with_signature(&header, &claims(), b""), "invalid_token");
        add(&format!("{name} signed"), sign(&header, &claims()), "invalid_token");
    }
    add(
        "alg none escaped",
        sign_texts(r#"{"alg":"n\u006fne","kid":"test-key","typ":"at+jwt"}"#, &claims().to_string()),
        "invalid_token",
    );
    for alg in ["HS256", "ES384", "RS256", "EdDSA"] {
        let header = with(header(), "alg", alg.into());
        add(&format!("alg {alg}"), sign(&header, &claims()), "invalid_token");
    }
    for (index, secret) in public_key_as_secret().iter().enumerate() {
        let header = with(header(), "alg", "HS256".into());
        let name = format!("HS256 with the public key, form {index}");
        add(&name, sign_with_hmac(&header, &claims(), secret), "invalid_token");
        let name = format!("an HMAC with the public key as ES256, form {index}");
        add(&name, sign_with_hmac(&self::header(), &claims(), secret), "invalid_token");
    }
    for secret in ["secret", "changeme", "your-256-bit-secret", "dev", JWK_SET] {
        let header = with(header(), "alg", "HS256".into());
        add(
            "a guessed secret",
            sign_with_hmac(&header, &claims(), secret.as_bytes()),
            "invalid_token",
        );
    }
    add("a foreign key", sign_with_foreign_key(&header(), &claims()), "invalid_token");
    add("a P-384 key", sign_with_p384(&header(), &claims()), "invalid_token");
    add("no signature", format!("{message}."), "invalid_token");
    add("a zero signature", with_signature(&header(), &claims(), &[0; 64]), "invalid_token");
    for kid in ["", "other", "../../dev/null", "' OR '1'='1", "TEST-KEY", "test-key\0"] {
        add(
            &format!("kid {kid:?}"),
            sign(&with(header(), "kid", kid.into()), &claims()),
            "invalid_token",
        );
    }
    for kid in [json!(7), json!(["test-key"]), Value::Null] {
        add(
            &format!("kid {kid}"),
            sign(&with(header(), "kid", kid.clone()), &claims()),
            "invalid_token",
        );
    }
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("jku", json!("http://127.0.0.1:1/")),
        ("cty", json!("JWT")),
        ("x5u", json!("http://127.0.0.1:1/")),
        ("x5c", json!(["x"])),
        ("jwk", json!({"kty": "EC"})),
    ] {
        add(
            &format!("header {name}"),
            sign(&with(header(), name, value), &claims()),
            "invalid_token",
        );
    }
    for typ in
        [json!("JWT"), json!(other_typ), json!("id+jwt"), json!(1), Value::Null, json!("AT+JWT")]
    {
        add(
            &format!("typ {typ}"),
            sign(&with(header(), "typ", typ.clone()), &claims()),
            "invalid_token",
        );
    }
    for claim in REQUIRED_CLAIMS {
        add(
            &format!("no {claim}"),
            sign(&header(), &with(claims(), claim, Value::Null)),
            "invalid_token",
        );
    }
    for (claim, value) in [
        ("iss", format!("{}/", claims()["iss"].as_str().unwrap()).into()),
        ("iss", json!([claims()["iss"]])),
        ("iss", json!(7)),
        ("aud", json!("https://other.example.com")),
        ("aud", json!([claims()["aud"]])),
        ("aud", json!([])),
        ("sub", json!("")),
        ("sub", json!(5)),
        ("sub", json!("x".repeat(256))),
        ("sub", json!("a b")),
        ("sid", json!("a b")),
        ("type", json!(other_type)),
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
        ("exp", json!(f64::from(u32::try_from(now).unwrap()) + 600.5)),
        ("exp", json!(now + lifetime + 1)),
        ("nbf", json!(now + 600)),
        ("nbf", json!("99999999999")),
        ("iat", json!(now + 600)),
        ("iat", json!("now")),
    ] {
        add(
            &format!("{claim} {value:.40}"),
            sign(&header(), &with(claims(), claim, value.clone())),
            "invalid_token",
        );
    }
    for exp in [now, now - 1, now - 59] {
        let claims = with(with(claims(), "exp", exp.into()), "iat", (now - 900).into());
        let claims = with(claims, "nbf", (now - 900).into());
        add(&format!("exp {} s ago", now - exp), sign(&header(), &claims), "token_expired");
    }
    let text = claims().to_string();
    for (name, payload) in [
        ("a repeated claim", format!("{},\"sub\":\"user-1\"}}", text.trim_end_matches('}'))),
        ("two objects", format!("{text}{{}}")),
        ("an array", format!("[{text}]")),
        ("null", "null".to_owned()),
        ("a byte order mark", format!("\u{feff}{text}")),
        ("deep", "[".repeat(3_000)),
    ] {
        add(
            &format!("payload: {name}"),
            sign_texts(&header().to_string(), &payload),
            "invalid_token",
        );
    }
    for (name, text) in [
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
        ("unused bits set", with_other_bits(&valid)),
        ("too long", format!("{valid}{}", "A".repeat(8 * 1024))),
    ] {
        add(&format!("text: {name}"), text, "invalid_token");
    }
    bad
}

/// The token with unused bits of the last character set, for a signature of 64 bytes.
pub fn with_other_bits(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = token.split_at(token.len() - 1);
    let next = ALPHABET.find(last).unwrap() + 1;
    format!("{rest}{}", &ALPHABET[next..=next])
}
