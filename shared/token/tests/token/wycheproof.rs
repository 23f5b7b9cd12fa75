//! The test vectors of Project Wycheproof, with the keys that verify tokens.

use latchkey_token::{KeyError, KeySet, VerifyingKey};
use secrecy::SecretString;
use serde_json::{Value, json};
use wycheproof::{HashFunction, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use crate::fixtures::base64url;

/// The name of a test set, the id of a vector in it, and a reason.
type ListedVector = (&'static str, usize, &'static str);

/// Vectors with another result than Wycheproof's. A listed vector with Wycheproof's result is a
/// failure too.
const DEVIATIONS: &[ListedVector] = &[];

/// Vectors that Wycheproof calls acceptable. The verifier refuses all of them.
const ACCEPTABLE_AND_REFUSED: &[ListedVector] = &[
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

/// The vectors of a group, with the name of the field that has the signatures.
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

/// The number of checked vectors, and the unexpected results.
#[derive(Debug, Default)]
struct Tally {
    checked: usize,
    mismatches: Vec<String>,
}

impl Tally {
    /// Checks a vector. A refused key verifies nothing.
    fn check(&mut self, set: &str, key: Option<&VerifyingKey>, vector: &Vector<'_>) {
        let verified = key.is_some_and(|key| verifies(key, vector));
        let is_in =
            |list: &[ListedVector]| list.iter().any(|(s, id, _)| *s == set && *id == vector.id);
        let is_expected = match vector.result {
            TestResult::Valid => verified != is_in(DEVIATIONS),
            TestResult::Invalid => verified == is_in(DEVIATIONS),
            TestResult::Acceptable => !verified && is_in(ACCEPTABLE_AND_REFUSED),
        };
        if !is_expected {
            let (id, comment, result) = (vector.id, vector.comment, vector.result);
            let key = if key.is_some() { "accepted" } else { "refused" };
            self.mismatches.push(format!(
                "{set} {id} ({comment}): {result:?}, its key {key}, verified: {verified}"
            ));
        }
        self.checked += 1;
    }

    /// Asserts that at least this many vectors were checked, all with the expected result.
    fn finish(self, at_least: usize) {
        assert!(self.mismatches.is_empty(), "{}", self.mismatches.join("\n"));
        assert!(self.checked >= at_least, "{} vectors", self.checked);
    }
}

fn verifies(key: &VerifyingKey, vector: &Vector<'_>) -> bool {
    key.verifies(vector.message, &base64url(vector.signature))
}

/// A set of a public key.
fn public(jwk: &Value) -> Result<KeySet, KeyError> {
    KeySet::parse_public(&json!({ "keys": [jwk] }).to_string())
}

fn found(keys: &Result<KeySet, KeyError>) -> Option<&VerifyingKey> {
    keys.as_ref().ok().and_then(|keys| keys.find(KID))
}

/// An RSA key. Wycheproof's numbers have leading zeros, those of a JWK have none.
fn rsa(alg: &str, modulus: &[u8], exponent: &[u8]) -> Value {
    let number = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        base64url(&bytes[zeros..])
    };
    json!({ "kty": "RSA", "kid": KID, "alg": alg, "n": number(modulus), "e": number(exponent) })
}

/// A set of an HMAC key.
fn secret(alg: &str, key: &[u8]) -> Result<KeySet, KeyError> {
    let jwk = json!({ "kty": "oct", "kid": KID, "alg": alg, "k": base64url(key) });
    let set = SecretString::from(json!({ "keys": [jwk] }).to_string());
    KeySet::parse(&set)
}

/// The suffix of an algorithm's name, and the length of its hash in bytes.
fn of_hash(hash: HashFunction) -> Option<(&'static str, usize)> {
    [
        (HashFunction::Sha2_256, "256", 32),
        (HashFunction::Sha2_384, "384", 48),
        (HashFunction::Sha2_512, "512", 64),
    ]
    .into_iter()
    .find_map(|(known, name, bytes)| (known == hash).then_some((name, bytes)))
}

#[test]
fn ecdsa_p1363_signatures_match_wycheproof() {
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
                tally.check(&format!("{name:?}"), found(&key), &vector);
            }
        }
    }
    tally.finish(540);
}

#[test]
fn ed25519_signatures_match_wycheproof() {
    use eddsa::{TestName, TestSet};

    let mut tally = Tally::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let x = base64url(&group.key.pk);
        let key =
            public(&json!({ "kty": "OKP", "kid": KID, "alg": "EdDSA", "crv": "Ed25519", "x": x }));
        for vector in vectors!(group, sig) {
            tally.check("Ed25519", found(&key), &vector);
        }
    }
    tally.finish(150);
}

#[test]
fn rsa_pkcs1_signatures_match_wycheproof() {
    use rsa_pkcs1_verify::{TestName, TestSet};

    let mut tally = Tally::default();
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let Some((hash, _)) = of_hash(group.hash) else { continue };
            let key = public(&rsa(&format!("RS{hash}"), &group.key.n, &group.key.e));
            for vector in vectors!(group, sig) {
                tally.check(&format!("{name:?}"), found(&key), &vector);
            }
        }
    }
    tally.finish(3_000);
}

#[test]
fn rsa_pss_signatures_match_wycheproof_and_other_salts_are_refused() {
    use rsa_pss_verify::{TestName, TestSet};

    let (mut tally, mut refused) = (Tally::default(), 0);
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let Some((hash, bytes)) = of_hash(group.hash) else { continue };
            let key = public(&rsa(&format!("PS{hash}"), &group.key.n, &group.key.e));
            // A salt as long as the hash, a mask of the same hash (RFC 7518 §3.5).
            let is_supported = group.salt_size == bytes && group.mgf_hash == Some(group.hash);
            for vector in vectors!(group, sig) {
                if is_supported {
                    tally.check(&format!("{name:?}"), found(&key), &vector);
                } else {
                    // Some vectors change the salt length to the required one.
                    let has_required_salt = group.mgf_hash == Some(group.hash)
                        && vector.comment == format!("s_len changed to {bytes}");
                    let verified = verifies(found(&key).unwrap(), &vector);
                    assert_eq!(verified, has_required_salt, "{name:?} {}", vector.id);
                    refused += usize::from(!verified);
                }
            }
        }
    }
    assert!(refused >= 1_000, "{refused}");
    tally.finish(1_100);
}

#[test]
fn hmac_tags_match_wycheproof_and_short_secrets_are_refused() {
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
                    // A truncated tag is refused, right or wrong (RFC 7518 §3.2).
                    assert!(!verifies(found(&key).unwrap(), &vector), "{alg} {}", vector.id);
                    short_tags += 1;
                } else {
                    tally.check(&format!("{name:?}"), found(&key), &vector);
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
            // Odd, as a modulus must be, so that only its length is wrong.
            short[bytes - 1] |= 1;
            let refused = public(&rsa(alg, &short, &key.e));
            assert!(refused.is_err(), "{alg}, {} bits", bytes * 8);
        }
    }
}
