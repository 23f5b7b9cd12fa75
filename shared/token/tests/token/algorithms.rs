//! Every algorithm, with keys in each format, from signing to verifying.

use aws_lc_rs::{
    encoding::{AsDer as _, EcPrivateKeyRfc5915Der},
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair as _,
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use latchkey_token::{
    Algorithm, KeyError, KeySet, PresentedToken, SigningKey, TokenError, Verifier,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::fixtures::{NOW, grant, issuer_of, session, token_profile, user};

fn token_of(keys: &KeySet) -> String {
    let (user, session) = (user(), session());
    let token = issuer_of(keys).access_token(&grant(&user, &session), true, NOW).unwrap();
    token.text.expose_secret().to_owned()
}

fn verify(keys: &KeySet, token: &str) -> Result<(), TokenError> {
    let profile = token_profile();
    Verifier::new(keys, &profile).access(PresentedToken::parse(token).unwrap(), NOW).map(drop)
}

fn generated(algorithm: Algorithm) -> KeySet {
    KeySet::parse(&SigningKey::generate_jwk_set(algorithm).unwrap()).unwrap()
}

#[test]
fn every_algorithm_signs_tokens_that_only_its_key_verifies() {
    let sets = Algorithm::ALL.map(|algorithm| (algorithm, generated(algorithm)));
    for (number, (algorithm, keys)) in sets.iter().enumerate() {
        let token = token_of(keys);
        for (other, (_, keys)) in sets.iter().enumerate() {
            let verdict = verify(keys, &token);
            let expected = if other == number { Ok(()) } else { Err(TokenError::UnknownKey) };
            assert_eq!(verdict, expected, "{} by key {other}", algorithm.name());
        }
    }
}

#[test]
fn published_keys_verify_and_have_no_private_members() {
    for algorithm in Algorithm::ALL.into_iter().filter(|name| !name.name().starts_with("HS")) {
        let signing = generated(algorithm);
        let published = serde_json::to_string(&signing.public_jwk_set()).unwrap();
        for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\""] {
            assert!(!published.contains(private), "{published}");
        }
        let keys = KeySet::parse_public(&published).unwrap();
        assert_eq!(keys.public_jwk_set(), signing.public_jwk_set());
        assert_eq!(verify(&keys, &token_of(&signing)), Ok(()), "{}", algorithm.name());
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = BASE64_STANDARD.encode(der);
    let lines: Vec<_> =
        base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Private keys in PEM for an algorithm, each with its public key.
fn pems(algorithm: Algorithm) -> Vec<(String, String)> {
    let public = |der: &[u8]| pem("PUBLIC KEY", der);
    match algorithm {
        Algorithm::Es256 | Algorithm::Es384 => {
            let curve = if algorithm == Algorithm::Es256 {
                &ECDSA_P256_SHA256_FIXED_SIGNING
            } else {
                &ECDSA_P384_SHA384_FIXED_SIGNING
            };
            let pair = EcdsaKeyPair::generate(curve).unwrap();
            let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
            let public = public(pair.public_key().as_der().unwrap().as_ref());
            vec![
                (pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()), public.clone()),
                (pem("EC PRIVATE KEY", sec1.as_ref()), public),
            ]
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::generate().unwrap();
            let public = public(pair.public_key().as_der().unwrap().as_ref());
            vec![(pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()), public)]
        }
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Vec::new(),
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let pkcs8 = pair.as_der().unwrap();
            let public = public(pair.public_key().as_der().unwrap().as_ref());
            // PKCS #8 is PKCS #1 after 26 bytes with version, algorithm and lengths.
            let pkcs1 = &pkcs8.as_ref()[26..];
            vec![
                (pem("PRIVATE KEY", pkcs8.as_ref()), public.clone()),
                (pem("RSA PRIVATE KEY", pkcs1), public),
            ]
        }
    }
}

#[test]
fn a_pem_private_key_signs_tokens_that_its_public_key_verifies() {
    for algorithm in Algorithm::ALL.into_iter().filter(|name| !name.name().starts_with("HS")) {
        for (private, public) in pems(algorithm) {
            let signing = KeySet::from_pem(algorithm, &SecretString::from(private)).unwrap();
            let keys = KeySet::from_public_pem(algorithm, &public).unwrap();
            assert_eq!(keys.public_jwk_set(), signing.public_jwk_set(), "the same key ids");
            assert_eq!(verify(&keys, &token_of(&signing)), Ok(()), "{}", algorithm.name());
        }
    }
}

#[test]
fn a_pem_key_for_another_algorithm_and_invalid_pem_are_refused() {
    let (private, public) = pems(Algorithm::Es256).remove(0);
    for algorithm in [Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256] {
        let refused = KeySet::from_pem(algorithm, &SecretString::from(private.as_str()));
        assert!(matches!(refused, Err(KeyError::NotPem(_))), "{algorithm:?}: {refused:?}");
        let refused = KeySet::from_public_pem(algorithm, &public);
        assert!(
            matches!(refused, Err(KeyError::NotPem(_) | KeyError::Invalid(_))),
            "{algorithm:?}: {refused:?}"
        );
    }
    let cut = private.lines().next().unwrap().to_owned();
    for text in ["", "PEM", public.as_str(), cut.as_str()] {
        let refused = KeySet::from_pem(Algorithm::Es256, &SecretString::from(text));
        assert!(matches!(refused, Err(KeyError::NotPem("ES256"))), "{text:.30}: {refused:?}");
    }
}

#[test]
fn a_shared_secret_must_be_as_long_as_its_hash() {
    for (algorithm, needed) in
        [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)]
    {
        let signing =
            |length| KeySet::from_shared_secret(algorithm, &SecretString::from("x".repeat(length)));
        assert!(matches!(signing(needed - 1), Err(KeyError::ShortSecret { .. })));
        let signing = signing(needed).unwrap();
        assert_eq!(verify(&signing, &token_of(&signing)), Ok(()));
    }
    let refused = KeySet::from_shared_secret(Algorithm::Es256, &SecretString::from("x".repeat(64)));
    assert!(matches!(refused, Err(KeyError::Unsupported { .. })), "{refused:?}");
}

#[test]
fn one_bad_key_refuses_the_whole_set() {
    let key = |algorithm| {
        let set = SigningKey::generate_jwk_set(algorithm).unwrap();
        let mut set: serde_json::Value = serde_json::from_str(set.expose_secret()).unwrap();
        set["keys"][0].take()
    };
    let with = |algorithm, member: &str, value: serde_json::Value| {
        let mut key = key(algorithm);
        key[member] = value;
        key
    };
    let other_x = key(Algorithm::Es256)["x"].clone();
    let other_n = key(Algorithm::Rs256)["n"].clone();
    for (case, bad) in [
        ("a point off the curve", with(Algorithm::Es256, "x", other_x)),
        ("another key's modulus", with(Algorithm::Rs256, "n", other_n)),
        ("a scalar of zero", with(Algorithm::Es256, "d", "A".repeat(43).into())),
        ("a short coordinate", with(Algorithm::Es384, "x", "AAAA".into())),
        ("more than two primes", with(Algorithm::Rs256, "oth", serde_json::json!([]))),
        ("another curve", with(Algorithm::EdDsa, "crv", "X25519".into())),
        ("an encryption key", with(Algorithm::Rs256, "use", "enc".into())),
        ("a key of another type", with(Algorithm::Rs256, "alg", "ES256".into())),
    ] {
        let good = key(Algorithm::Es256);
        let set = serde_json::json!({ "keys": [good, bad] }).to_string();
        let refused = KeySet::parse(&SecretString::from(set));
        assert!(
            matches!(refused, Err(KeyError::Invalid(_) | KeyError::Unsupported { .. })),
            "{case}: {refused:?}"
        );
    }
    let (ec, mut rsa) = (key(Algorithm::Es256), key(Algorithm::Rs256));
    rsa["kid"] = ec["kid"].clone();
    let set = serde_json::json!({ "keys": [ec, rsa] }).to_string();
    let refused = KeySet::parse(&SecretString::from(set));
    assert!(matches!(refused, Err(KeyError::DuplicateKeyId(_))), "{refused:?}");
}
