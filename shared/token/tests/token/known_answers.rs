//! Keys, signing inputs and signatures from the examples of RFCs.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_token::{Algorithm, KeySet, PublicParameters};
use secrecy::SecretString;
use serde_json::{Value, json};

/// RFC 7515 §A.1, HS256.
const A1_KEY: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const A1_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// RFC 7515 §A.2, RS256.
const A2_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A2_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

/// RFC 7515 §A.3, ES256.
const A3_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const A3_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const A3_SIGNATURE: &str =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

/// The payload of these three examples.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 8037 §A.2: the public key of §A.1.
const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 8037 §A.1 in PKCS #8.
const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";
/// RFC 8037 §A.3.
const ED25519_THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
/// RFC 8037 §A.4, `EdDSA`.
const ED25519_SIGNATURE: &str =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// RFC 7638 §3.1.
const THUMBPRINT_MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const THUMBPRINT_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX
ZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS
oc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt
7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0
zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f
M4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK
gwIDAQAB
-----END PUBLIC KEY-----
";
const THUMBPRINT: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

/// A JWK set of the key with the `kid` `a`.
fn set_of(mut jwk: Value, alg: &str) -> String {
    jwk["kid"] = "a".into();
    jwk["alg"] = alg.into();
    json!({ "keys": [jwk] }).to_string()
}

fn public(jwk: Value, alg: &str) -> KeySet {
    KeySet::parse_public(&set_of(jwk, alg)).unwrap()
}

/// The key verifies this signature over this header and payload, and no changed input or signature.
fn assert_known(keys: &KeySet, header: &str, payload: &str, signature: &str) {
    let key = keys.find("a").unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.encode(header);
    let message = format!("{header}.{payload}").into_bytes();
    assert!(key.verifies(&message, signature));

    for index in 0..message.len() {
        let mut changed = message.clone();
        changed[index] ^= 1;
        assert!(!key.verifies(&changed, signature), "byte {index} of the signing input");
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = BASE64_URL_SAFE_NO_PAD.encode(changed);
        assert!(!key.verifies(&message, &changed), "bit {bit} of the signature");
    }
    for other in ["", "AA", &signature[4..], &format!("{signature}=")] {
        assert!(!key.verifies(&message, other), "{other:?}");
    }
}

#[test]
fn rfc_7515_a_1_is_verified_with_hs256() {
    let set = SecretString::from(set_of(json!({ "kty": "oct", "k": A1_KEY }), "HS256"));
    let keys = KeySet::parse(&set).unwrap();
    assert_known(&keys, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", PAYLOAD, A1_SIGNATURE);
}

#[test]
fn rfc_7515_a_2_is_verified_with_rs256() {
    let keys = public(json!({ "kty": "RSA", "n": A2_MODULUS, "e": "AQAB" }), "RS256");
    assert_known(&keys, r#"{"alg":"RS256"}"#, PAYLOAD, A2_SIGNATURE);
}

#[test]
fn rfc_7515_a_3_is_verified_with_es256() {
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": A3_X, "y": A3_Y });
    assert_known(&public(jwk, "ES256"), r#"{"alg":"ES256"}"#, PAYLOAD, A3_SIGNATURE);
}

#[test]
fn rfc_8037_a_4_is_verified_with_eddsa() {
    let keys = public(json!({ "kty": "OKP", "crv": "Ed25519", "x": ED25519_X }), "EdDSA");
    let payload = BASE64_URL_SAFE_NO_PAD.encode("Example of Ed25519 signing");
    assert_known(&keys, r#"{"alg":"EdDSA"}"#, &payload, ED25519_SIGNATURE);
}

#[test]
fn rfc_8037_a_1_has_the_public_key_of_a_2_and_the_thumbprint_of_a_3() {
    let keys = KeySet::from_pem(Algorithm::EdDsa, &SecretString::from(ED25519_PEM)).unwrap();
    let published = serde_json::to_value(keys.public_jwk_set()).unwrap();
    assert_eq!(published["keys"][0]["x"], ED25519_X);
    assert_eq!(published["keys"][0]["kid"], ED25519_THUMBPRINT);
}

#[test]
fn rfc_7638_3_1_has_its_documented_thumbprint() {
    let jwk = json!({ "kty": "RSA", "n": THUMBPRINT_MODULUS, "e": "AQAB" });
    let parameters: PublicParameters = serde_json::from_value(jwk).unwrap();
    assert_eq!(parameters.thumbprint(), THUMBPRINT);
    let keys = KeySet::from_public_pem(Algorithm::Rs256, THUMBPRINT_PEM).unwrap();
    assert!(keys.find(THUMBPRINT).is_some());
    assert_eq!(keys.public_jwk_set().keys[0].parameters, parameters);
}
