//! Accepted and refused keys, and their public form.

use latchkey_token::{
    Algorithm, KeyError, KeySet, LegacyKeys, PublicJwk, PublicParameters, SigningKey, VerifyingKey,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::fixtures::{JWK_SET, KID, key_set};

fn parse(set: &Value) -> Result<KeySet, KeyError> {
    KeySet::parse(&SecretString::from(set.to_string()))
}

fn test_key() -> Value {
    serde_json::from_str::<Value>(JWK_SET).unwrap()["keys"][0].take()
}

fn new_key(algorithm: Algorithm) -> Value {
    let set = SigningKey::generate_jwk_set(algorithm).unwrap();
    serde_json::from_str::<Value>(set.expose_secret()).unwrap()["keys"][0].take()
}

fn with(member: &str, value: Value) -> Value {
    let mut key = test_key();
    key[member] = value;
    if key[member].is_null() {
        key.as_object_mut().unwrap().remove(member);
    }
    json!({ "keys": [key] })
}

#[test]
fn the_first_key_signs_and_all_are_published() {
    let mut second = test_key();
    second["kid"] = "second".into();
    let keys = parse(&json!({ "keys": [test_key(), second] })).unwrap();
    let published = keys.public_jwk_set();
    let kids: Vec<_> = published.keys.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, [KID, "second"]);
    assert!(format!("{:?}", keys.signing()).contains(KID));
}

#[test]
fn no_private_member_is_ever_published() {
    let published = serde_json::to_value(key_set().public_jwk_set()).unwrap();
    let test_key = test_key();
    assert_eq!(
        published,
        json!({ "keys": [{
            "kid": KID, "alg": "ES256", "use": "sig", "kty": "EC", "crv": "P-256",
            "x": test_key["x"], "y": test_key["y"],
        }] })
    );
}

#[test]
fn a_shared_secret_is_not_published() {
    let keys =
        KeySet::from_shared_secret(Algorithm::Hs256, &SecretString::from("x".repeat(32))).unwrap();
    assert_eq!(keys.public_jwk_set().keys, []);
}

#[test]
fn a_secret_shorter_than_its_hash_is_refused() {
    for length in [0, 1, 31] {
        let refused =
            KeySet::from_shared_secret(Algorithm::Hs256, &SecretString::from("x".repeat(length)));
        assert!(
            matches!(refused, Err(KeyError::ShortSecret { bytes, needed: 32, .. }) if bytes == length)
        );
    }
    let short = json!({ "keys": [{ "kty": "oct", "kid": "a", "alg": "HS256", "k": "c2hvcnQ" }] });
    assert!(matches!(parse(&short), Err(KeyError::ShortSecret { bytes: 5, .. })));
}

#[test]
fn text_that_is_not_a_jwk_set_is_refused() {
    for text in ["", "{}", "null", "[]", "secret", r#"{"keys":7}"#, r#"{"keys":["secret"]}"#] {
        let refused = KeySet::parse(&SecretString::from(text)).unwrap_err();
        assert!(matches!(refused, KeyError::NotAJwkSet(_)), "{text}: {refused:?}");
    }
    assert!(matches!(parse(&json!({ "keys": [] })), Err(KeyError::Empty)));
}

#[test]
fn missing_and_duplicate_key_ids_are_refused() {
    for kid in [Value::Null, "".into(), "x".repeat(129).into()] {
        assert!(matches!(parse(&with("kid", kid)), Err(KeyError::BadKeyId)));
    }
    let twice = json!({ "keys": [test_key(), test_key()] });
    assert!(matches!(parse(&twice), Err(KeyError::DuplicateKeyId(kid)) if kid == KID));
}

#[test]
fn repeated_members_are_refused() {
    let mut legacy = new_key(Algorithm::Hs256);
    legacy["minted_by"] = "flask".into();
    for (key, members) in [
        (test_key(), ["kid", "alg", "use", "kty", "crv", "x", "y", "d"].as_slice()),
        (new_key(Algorithm::Rs256), &["n", "e", "p", "q", "dp", "dq", "qi"]),
        (new_key(Algorithm::Hs256), &["k", "kty"]),
        (legacy, &["k", "minted_by"]),
    ] {
        let text = key.to_string();
        for member in members {
            let twice = text.replacen('{', &format!("{{\"{member}\":{},", key[member]), 1);
            let set = SecretString::from(format!("{{\"keys\":[{twice}]}}"));
            let refused = KeySet::parse(&set).unwrap_err();
            assert!(
                matches!(refused, KeyError::NotAJwkSet(_) | KeyError::Unsupported { .. }),
                "{member}: {refused:?}"
            );
        }
    }
}

#[test]
fn unsupported_keys_are_refused() {
    for (member, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("alg", Value::Null),
        ("alg", json!("none")),
        ("alg", json!("es256")),
        ("alg", json!("HS256")),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("kty", Value::Null),
        ("crv", json!("P-384")),
        ("x", Value::Null),
    ] {
        let refused = parse(&with(member, value.clone())).unwrap_err();
        assert!(matches!(refused, KeyError::Unsupported { .. }), "{member} {value}: {refused:?}");
    }
    let public = parse(&with("d", Value::Null)).unwrap_err();
    assert!(matches!(public, KeyError::NoSigningKey), "{public:?}");
}

#[test]
fn invalid_key_parameters_are_refused() {
    let other: Value = serde_json::from_str(
        SigningKey::generate_jwk_set(Algorithm::Es256).unwrap().expose_secret(),
    )
    .unwrap();
    for (member, value) in [
        ("d", json!("not base64url!")),
        ("d", json!("AAAA")),
        ("d", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("d", other["keys"][0]["d"].clone()),
        ("x", other["keys"][0]["x"].clone()),
        ("y", json!("AA")),
    ] {
        let refused = parse(&with(member, value.clone())).unwrap_err();
        assert!(matches!(refused, KeyError::Invalid(_)), "{member} {value}: {refused:?}");
    }
}

#[test]
fn a_key_set_can_be_shared_between_threads() {
    fn assert_shared<T: Send + Sync + 'static>(_: T) {}
    assert_shared(key_set());
}

#[test]
fn debug_output_has_no_private_key() {
    for algorithm in Algorithm::ALL {
        let key = new_key(algorithm);
        let printed = format!("{:?}", parse(&json!({ "keys": [key] })).unwrap());
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            let is_printed = key[member].as_str().is_some_and(|text| printed.contains(text));
            assert!(!is_printed, "{algorithm:?} {member}");
        }
    }
    let secret = SecretString::from("a secret that is 32 bytes long..");
    let keys = KeySet::from_shared_secret(Algorithm::Hs256, &secret).unwrap();
    let printed = format!("{keys:?}");
    assert!(!printed.contains("32 bytes") && !printed.contains("97, 32, 115"), "{printed}");
}

#[test]
fn unknown_members_of_a_key_are_ignored() {
    for state in [json!("next"), json!("retired"), json!(1)] {
        assert!(parse(&with("state", state.clone())).is_ok(), "{state}");
    }
}

#[test]
fn a_public_set_with_private_keys_is_refused() {
    let published = serde_json::to_value(key_set().public_jwk_set()).unwrap();
    let keys = KeySet::parse_public(&published.to_string()).unwrap();
    assert!(keys.signing().is_none() && keys.find(KID).is_some());
    let mut legacy = new_key(Algorithm::Hs256);
    legacy["minted_by"] = "flask".into();
    for private in [test_key(), new_key(Algorithm::Hs256), legacy] {
        let refused = KeySet::parse_public(&json!({ "keys": [private] }).to_string()).unwrap_err();
        assert!(refused.to_string().contains("public keys only"), "{refused}");
    }
    let refused = KeySet::parse_public(r#"{"keys":[]}"#).unwrap_err();
    assert!(matches!(refused, KeyError::Empty), "{refused:?}");
}

#[test]
fn a_public_key_can_be_parsed_alone() {
    let jwk = key_set().public_jwk_set().keys.remove(0);
    let key = VerifyingKey::from_jwk(&jwk).unwrap();
    assert_eq!((key.kid(), key.algorithm()), (jwk.kid.as_str(), Algorithm::Es256));
    let damaged = |damage: fn(&mut PublicJwk)| {
        let mut jwk = jwk.clone();
        damage(&mut jwk);
        VerifyingKey::from_jwk(&jwk).unwrap_err().to_string()
    };
    assert!(damaged(|jwk| "enc".clone_into(&mut jwk.usage)).contains("`use`"));
    assert!(damaged(|jwk| "none".clone_into(&mut jwk.alg)).contains("`alg`"));
    assert!(damaged(|jwk| "RS256".clone_into(&mut jwk.alg)).contains("does not go with"));
    let y = |jwk: &mut PublicJwk| {
        let PublicParameters::EllipticCurve { y, .. } = &mut jwk.parameters else { panic!() };
        *y = y.replace('x', "y");
    };
    assert!(damaged(y).contains("is not a valid key"));
}

#[test]
fn shared_secrets_and_key_pairs_cannot_be_in_one_set() {
    let (secret, other) = (new_key(Algorithm::Hs256), new_key(Algorithm::Hs512));
    let (curve, edwards) = (new_key(Algorithm::Es256), new_key(Algorithm::EdDsa));
    for keys in [[&secret, &other], [&curve, &edwards]] {
        assert!(parse(&json!({ "keys": keys })).is_ok());
    }
    for keys in [[&secret, &curve], [&curve, &secret], [&edwards, &other]] {
        let refused = parse(&json!({ "keys": keys })).unwrap_err();
        assert_eq!(refused.to_string(), "shared secrets stand beside keys that have a public half");
    }
}

#[test]
fn a_legacy_secret_may_be_in_a_set_with_any_key() {
    let mut legacy = new_key(Algorithm::Hs256);
    legacy["minted_by"] = "flask".into();
    for algorithm in [Algorithm::Es256, Algorithm::Hs256] {
        let own = new_key(algorithm);
        for keys in [[&own, &legacy], [&legacy, &own]] {
            let keys = parse(&json!({ "keys": keys })).unwrap();
            assert_eq!(keys.signing().unwrap().algorithm(), algorithm);
            assert!(keys.find(legacy["kid"].as_str().unwrap()).is_none());
            assert!(keys.public_jwk_set().keys.iter().all(|key| key.kid != legacy["kid"]));
        }
    }
}

#[test]
fn a_set_of_legacy_keys_with_other_keys_is_refused() {
    let parse = |keys: &[&Value]| {
        LegacyKeys::parse(&SecretString::from(json!({ "keys": keys }).to_string()))
    };
    let mut legacy = new_key(Algorithm::Hs256);
    legacy["minted_by"] = "flask-jwt".into();
    let kid = legacy["kid"].as_str().unwrap();
    assert!(format!("{:?}", parse(&[&legacy]).unwrap()).contains(kid));
    for algorithm in [Algorithm::Hs256, Algorithm::Es256] {
        let refused = parse(&[&legacy, &new_key(algorithm)]).unwrap_err();
        assert!(matches!(refused, KeyError::Unsupported { .. }), "{refused:?}");
        assert!(refused.to_string().contains("`minted_by`"), "{refused}");
    }
}
