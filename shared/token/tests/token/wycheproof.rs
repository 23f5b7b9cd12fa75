//! Project Wycheproof's vectors, through the verifier that checks tokens.

use latchkey_token::{KeyError, KeySet, VerifyingKey};
use secrecy::SecretString;
use serde_json::{Value, json};
use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use crate::fixtures::base64url;

/// A set's name, a test's id in it, and a reason.
type Listed = (&'static str, usize, &'static str);

/// Vectors with another result than Wycheproof's. The test fails also for a listed vector with
/// Wycheproof's result.
const DEVIATIONS: &[Listed] = &[];

/// Vectors that Wycheproof leaves to the verifier. All are refused here.
const ACCEPTABLE_AND_REFUSED: &[Listed] = &[
    ("Rsa2048Sha256", 8, NO_NULL),
    ("Rsa2048Sha384", 8, NO_NULL),
    ("Rsa2048Sha512", 8, NO_NULL),
    ("Rsa3072Sha256", 8, NO_NULL),
    ("Rsa3072Sha384", 8, NO_NULL),
    ("Rsa3072Sha512", 8, NO_NULL),
    ("Rsa4096Sha256", 8, NO_NULL),
    ("Rsa4096Sha384", 8, NO_NULL),
    ("Rsa4096Sha512", 8, NO_NULL),
    ("Rsa8192Sha256", 8, NO_NULL),
    ("Rsa8192Sha384", 8, NO_NULL),
    ("Rsa8192Sha512", 8, NO_NULL),
];

const NO_NULL: &str = "the padding has one encoding (RFC 8017 §9.2), and this one lacks its NULL";

const KID: &str = "wycheproof";

struct Vector<'a> {
    id: usize,
    comment: &'a str,
    message: &'a [u8],
    signature: &'a [u8],
    result: TestResult,
}

/// The vectors of a group, whose signatures are in that field.
macro_rules! vectors {
    ($group:expr, $signature:ident) => {
        $group.tests.iter().map(|test| Vector {
            id: test.tc_id,
            comment: &test.comment,
            message: &test.msg,
            signature: &test.$signature,
            result: test.result,
        })
    };
}

/// How many vectors were judged, and what of it was not expected.
#[derive(Debug, Default)]
struct Tally {
    judged: usize,
    surprises: Vec<String>,
}

impl Tally {
    /// Judges a vector; a key that was refused verifies nothing.
    fn judge(&mut self, set: &str, key: Option<&VerifyingKey>, vector: &Vector<'_>) {
        let verified = key.is_some_and(|key| verifies(key, vector));
        let is_in = |list: &[Listed]| list.iter().any(|(s, id, _)| *s == set && *id == vector.id);
        let is_expected = match vector.result {
            TestResult::Valid => verified != is_in(DEVIATIONS),
            TestResult::Invalid => verified == is_in(DEVIATIONS),
            TestResult::Acceptable => !verified && is_in(ACCEPTABLE_AND_REFUSED),
        };
        if !is_expected {
            let (id, comment, result) = (vector.id, vector.comment, vector.result);
            let key = if key.is_some() { "taken" } else { "refused" };
            self.surprises.push(format!(
                "{set} {id} ({comment}): {result:?}, its key {key}, verified: {verified}"
            ));
        }
        self.judged += 1;
    }

    /// At least so many were judged, all of them as expected.
    fn finish(self, at_least: usize) {
        assert!(self.surprises.is_empty(), "{}", self.surprises.join("\n"));
        assert!(self.judged >= at_least, "{} vectors", self.judged);
    }
}

fn verifies(key: &VerifyingKey, vector: &Vector<'_>) -> bool {
    key.verifies(vector.message, &base64url(vector.signature))
}

/// A set of that public key.
fn public(jwk: &Value) -> Result<KeySet, KeyError> {
    KeySet::parse_public(&json!({ "keys": [jwk] }).to_string())
}

fn found(keys: &Result<KeySet, KeyError>) -> Option<&VerifyingKey> {
    keys.as_ref().ok().and_then(|keys| keys.find(KID))
}

/// An RSA key, whose numbers Wycheproof writes with leading zeros and a JWK without.
fn rsa(alg: &str, modulus: &[u8], exponent: &[u8]) -> Value {
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        base64url(&bytes[zeros..])
    };
    json!({ "kty": "RSA", "kid": KID, "alg": alg, "n": number(modulus), "e": number(exponent) })
}

/// An HMAC key, which is never public.
fn secret(alg: &str, key: &[u8]) -> Result<KeySet, KeyError> {
    let jwk = json!({ "kty": "oct", "kid": KID, "alg": alg, "k": base64url(key) });
    let set = SecretString::from(json!({ "keys": [jwk] }).to_string());
    KeySet::parse(&set)
}

/// The end of an algorithm's name and the length of its hash.
fn of_hash(hash: HashFunction) -> Option<(&'static str, usize)> {
    [
        (HashFunction::Sha2_256, "256", 32),
        (HashFunction::Sha2_384, "384", 48),
        (HashFunction::Sha2_512, "512", 64),
    ]
    .into_iter()
    .find_map(|(ours, name, bytes)| (ours == hash).then_some((name, bytes)))
}

#[test]
fn ecdsa_signatures_of_two_numbers_are_judged_as_wycheproof_judges_them() {
    use ecdsa::{TestName, TestSet};

    let mut tally = Tally::default();
    for (name, alg, crv) in [
        (TestName::EcdsaSecp256r1Sha256P1363, "ES256", "P-256"),
        (TestName::EcdsaSecp384r1Sha384P1363, "ES384", "P-384"),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let coordinates = &group.key.key[1..];
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            let (x, y) = (base64url(x), base64url(y));
            let key =
                public(&json!({ "kty": "EC", "kid": KID, "alg": alg, "crv": crv, "x": x, "y": y }));
            for vector in vectors!(group, sig) {
                tally.judge(&format!("{name:?}"), found(&key), &vector);
            }
        }
    }
    tally.finish(540);
}

#[test]
fn ed25519_signatures_are_judged_as_wycheproof_judges_them() {
    use eddsa::{TestName, TestSet};

    let mut tally = Tally::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let x = base64url(&group.key.pk);
        let key =
            public(&json!({ "kty": "OKP", "kid": KID, "alg": "EdDSA", "crv": "Ed25519", "x": x }));
        for vector in vectors!(group, sig) {
            tally.judge("Ed25519", found(&key), &vector);
        }
    }
    tally.finish(150);
}

#[test]
fn rsa_pkcs1_signatures_are_judged_as_wycheproof_judges_them() {
    use rsa_pkcs1_verify::{TestName, TestSet};

    let mut tally = Tally::default();
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let Some((hash, _)) = of_hash(group.hash) else { continue };
            let key = public(&rsa(&format!("RS{hash}"), &group.key.n, &group.key.e));
            for vector in vectors!(group, sig) {
                tally.judge(&format!("{name:?}"), found(&key), &vector);
            }
        }
    }
    tally.finish(3_000);
}

#[test]
fn rsa_pss_signatures_are_judged_as_wycheproof_judges_them_and_other_salts_are_refused() {
    use rsa_pss_verify::{TestName, TestSet};

    let (mut tally, mut refused) = (Tally::default(), 0);
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let Some((hash, bytes)) = of_hash(group.hash) else { continue };
            let key = public(&rsa(&format!("PS{hash}"), &group.key.n, &group.key.e));
            // A salt as long as the hash, a mask of the same hash (RFC 7518 §3.5).
            let is_ours = group.salt_size == bytes && group.mgf_hash == Some(group.hash);
            for vector in vectors!(group, sig) {
                if is_ours {
                    tally.judge(&format!("{name:?}"), found(&key), &vector);
                } else {
                    // Some sets change a salt's length, now and then to the one that we ask for.
                    let is_made_ours = group.mgf_hash == Some(group.hash)
                        && vector.comment == format!("s_len changed to {bytes}");
                    let verified = verifies(found(&key).unwrap(), &vector);
                    assert_eq!(verified, is_made_ours, "{name:?} {}", vector.id);
                    refused += usize::from(!verified);
                }
            }
        }
    }
    assert!(refused >= 1_000, "{refused}");
    tally.finish(1_100);
}

#[test]
fn hmac_tags_are_judged_as_wycheproof_judges_them_and_short_secrets_are_refused() {
    use mac::{TestName, TestSet};

    let mut tally = Tally::default();
    let (mut short_keys, mut short_tags) = (0, 0);
    for (name, alg, bytes) in [
        (TestName::HmacSha256, "HS256", 32),
        (TestName::HmacSha384, "HS384", 48),
        (TestName::HmacSha512, "HS512", 64),
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            for (test, vector) in group.tests.iter().zip(vectors!(group, tag)) {
                let key = secret(alg, &test.key);
                if test.key.len() < bytes {
                    let is_short =
                        matches!(key, Err(KeyError::ShortSecret { needed, .. }) if needed == bytes);
                    assert!(is_short, "{alg} {}: {key:?}", vector.id);
                    short_keys += 1;
                } else if group.tag_size < bytes * 8 {
                    // Right or wrong: a token's tag is never shortened (RFC 7518 §3.2).
                    assert!(!verifies(found(&key).unwrap(), &vector), "{alg} {}", vector.id);
                    short_tags += 1;
                } else {
                    tally.judge(&format!("{name:?}"), found(&key), &vector);
                }
            }
        }
    }
    assert!(short_keys >= 15 && short_tags >= 240, "{short_keys} keys, {short_tags} tags");
    tally.finish(250);
}

#[test]
fn rsa_keys_of_less_than_2048_bits_are_refused() {
    use rsa_pkcs1_verify::{TestName, TestSet};

    let set = TestSet::load(TestName::Rsa2048Sha256).unwrap();
    let key = &set.test_groups[0].key;
    let modulus = &key.n[key.n.len() - 256..];
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        assert!(public(&rsa(alg, modulus, &key.e)).is_ok());
        for bytes in [64, 96, 128, 192, 255] {
            let mut short = modulus[..bytes].to_vec();
            // Odd, as a modulus is: its length is all that is wrong with it.
            short[bytes - 1] |= 1;
            let refused = public(&rsa(alg, &short, &key.e));
            assert!(refused.is_err(), "{alg}, {} bits", bytes * 8);
        }
    }
}
