//! Hashes by this crate and by other libraries.
#![cfg(test)]

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use latchkey_password::{
    HashError, HashParams, Hasher, NewPassword, Password, PasswordPolicy, Verdict,
};
use secrecy::{ExposeSecret as _, SecretString};

fn hasher() -> Hasher {
    Hasher::new(HashParams::default()).unwrap()
}

fn new_password(text: &str) -> NewPassword {
    PasswordPolicy::new(8).accept(&SecretString::from(text), &["bob"]).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(&SecretString::from(text)).unwrap()
}

/// A hash of `text` with these parameters, computed with the Argon2 library.
fn stored(text: &str, algorithm: Algorithm, memory: u32, iterations: u32) -> SecretString {
    let params = Params::new(memory, iterations, 1, Some(32)).unwrap();
    let mut output = [0; 32];
    Argon2::new(algorithm, Version::V0x13, params.clone())
        .hash_password_into(text.as_bytes(), b"0123456789abcdef", &mut output)
        .unwrap();
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(19),
        params: ParamsString::try_from(&params).unwrap(),
        salt: Some(Salt::new(b"0123456789abcdef").unwrap()),
        hash: Some(Output::new(&output).unwrap()),
    };
    SecretString::from(hash.to_string())
}

#[test]
fn only_the_right_password_matches() {
    let hasher = hasher();
    let hash = hasher.hash(&new_password("correct horse battery")).unwrap();
    let verdict = |text| hasher.verify(&password(text), &hash).unwrap();
    assert_eq!(verdict("correct horse battery"), Verdict::Match { needs_rehash: false });
    for other in ["Correct horse battery", "correct horse batter", "correct horse battery "] {
        assert_eq!(verdict(other), Verdict::Mismatch, "{other}");
    }
}

#[test]
fn a_hash_is_argon2id_at_owasps_cost_with_a_random_salt() {
    let hasher = hasher();
    let [first, second] =
        [(); 2].map(|()| hasher.hash(&new_password("correct horse battery")).unwrap());
    let text = first.expose_secret();
    assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    let salt = PasswordHash::new(text).unwrap().salt.unwrap();
    assert_eq!(salt.as_ref().len(), 16);
    assert_ne!(text, second.expose_secret());
}

#[test]
fn known_answers_of_argon2id_verify() {
    // From the reference implementation's own tests (src/test.c, Argon2id, v = 0x13).
    for stored in [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
    ] {
        let verdict = hasher().verify(&password("password"), &SecretString::from(stored));
        assert!(matches!(verdict, Ok(Verdict::Match { .. })), "{stored}: {verdict:?}");
    }
}

/// Hashes of "correct horse battery" by other libraries with their default parameters, or with the
/// named ones.
const OTHER_LIBRARIES: [(&str, &str); 16] = [
    (
        "argon2-cffi 25.1.0",
        "$argon2id$v=19$m=65536,t=3,p=4$mupRoCn3RLx/QK21iHBrwA$QTDXO8B0Kd7gQBhCnUqtG6ohwmVRmK1/WS6PAEeyWac",
    ),
    (
        "parameters of argon2-cffi 18.2 to 20.1, by argon2-cffi 25.1.0",
        "$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0c2FsdA$YeIFLRI3cTttVAVKKiQhfQ",
    ),
    (
        "parameters of argon2-cffi 16.1 to 18.1, by argon2-cffi 25.1.0",
        "$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$RDxdEwzs/x2yksu+KonRtw",
    ),
    (
        "the same in version 1.0",
        "$argon2i$v=16$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$kUgUSGFk2m8OFoFjyvtf6g",
    ),
    (
        "the same without a version",
        "$argon2i$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$kUgUSGFk2m8OFoFjyvtf6g",
    ),
    (
        "Argon2d, by argon2-cffi 25.1.0",
        "$argon2d$v=19$m=4096,t=3,p=1$MDEyMzQ1Njc4OWFiY2RlZg$v7gXywXfEKkdULacyLf3QjRVonGxuMPZURTBTfS9ms8",
    ),
    (
        "passlib 1.7.4",
        "$argon2id$v=19$m=65536,t=3,p=4$vZcypnROyVlLaW2N8b5Xyg$qvIZgMv+9NoGRoqy4N24+oHyL1YrqZMl2GRdDlGxOaQ",
    ),
    (
        "passlib 1.7.4 with type I",
        "$argon2i$v=19$m=65536,t=3,p=4$uJcyBiBEKGVszTnHOIdQig$vJDJPqpDviVAHUZV56AZnjEGwMsT+62XfHZrLgDDH5k",
    ),
    (
        "libsodium, by PyNaCl's argon2id.str",
        "$argon2id$v=19$m=65536,t=2,p=1$GGjM47hb9prYn1YxKq3cfQ$6qUff8KgIaIQiR2O0ZUpfcVSw3o8ZtKRnrtAbhTLCzA",
    ),
    (
        "libsodium, by PyNaCl's argon2i.str",
        "$argon2i$v=19$m=32768,t=4,p=1$VJowxuUwgmQ255hvqAwJ8A$GyiO/4iZun8lmLQ0IAh5WjPzaY2EIX1g/PlAs210gJ8",
    ),
    (
        "Django 5.2.19",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$aEdWTFRJV1BLcGtzYkNIM2JUbk95Tg$sz3q2ys78S6EV08UKpY2fgT4759BS4ubPdRf0rRIf1g",
    ),
    (
        "node argon2 0.45.1, which orders parameters by name",
        "$argon2id$v=19$m=65536,p=4,t=3$JVS+/GWjjm7vwrbI1L8vbg$RfOrw2TLu02m1HZks/NwvX3VQdETK7SnHg1Th8YfeWM",
    ),
    (
        "parameters of PHP 7.3, by argon2-cffi 25.1.0",
        "$argon2i$v=19$m=1024,t=2,p=2$cGhwcGhwcGhwcGhwcGhwMQ$zhuM04J2q6flpT9Q+GOweaA7bG4c8s9mluP85zege5M",
    ),
    (
        "parameters of PHP 8 after Spring Security's label, by argon2-cffi 25.1.0",
        "{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=65536,t=4,p=1$cGhwcGhwcGhwcGhwcGhwMg$XOK1pOL5xfgjoD3X64TE54yAf7kGYOefKxrU8YpWPuM",
    ),
    (
        "sixteen lanes, a salt of 9 bytes and an output of 64, by argon2-cffi 25.1.0",
        "$argon2id$v=19$m=1024,t=1,p=16$bmluZWJ5dGVz$C0IjZujEAAcjf8a+cFY4RJCqZdBB+fuZ4Y1KVUR0U0lJVP0/qt1UrwsWeSIewMYddFIpMhAuk+8aRAD3uAWskQ",
    ),
    (
        "three lanes, a salt of 23 bytes and an output of 24, by argon2-cffi 25.1.0",
        "$argon2id$v=19$m=1000,t=1,p=3$dHdlbnR5LXRocmVlIGJ5dGVzIHNhbHQ$b4XKHL5IjzCT1ZV+30d3GWvrF7sCGwDK",
    ),
];

#[test]
fn hashes_of_other_libraries_verify_and_need_a_rehash() {
    let hasher = hasher();
    for (library, stored) in OTHER_LIBRARIES {
        let stored = SecretString::from(stored);
        let verdict = hasher.verify(&password("correct horse battery"), &stored);
        assert_eq!(verdict, Ok(Verdict::Match { needs_rehash: true }), "{library}");
        let verdict = hasher.verify(&password("correct horse batter"), &stored);
        assert_eq!(verdict, Ok(Verdict::Mismatch), "{library}");
    }
}

#[test]
fn a_hash_with_other_settings_needs_a_rehash() {
    let settings = [
        (Algorithm::Argon2id, 8, 1),
        (Algorithm::Argon2id, 19_456, 3),
        (Algorithm::Argon2id, 19_464, 2),
        (Algorithm::Argon2id, 65_536, 4),
        (Algorithm::Argon2i, 19_456, 2),
    ];
    for (algorithm, memory, iterations) in settings {
        let other = stored("correct horse battery", algorithm, memory, iterations);
        let verdict = hasher().verify(&password("correct horse battery"), &other);
        assert_eq!(verdict, Ok(Verdict::Match { needs_rehash: true }), "{memory}, {iterations}");
    }
    let same = stored("correct horse battery", Algorithm::Argon2id, 19_456, 2);
    let again = hasher().rehash(&password("correct horse battery")).unwrap();
    for configured in [same, again] {
        let verdict = hasher().verify(&password("correct horse battery"), &configured);
        assert_eq!(verdict, Ok(Verdict::Match { needs_rehash: false }));
    }
}

#[test]
fn a_stored_hash_above_the_cost_limits_or_not_argon2_is_unverifiable() {
    let valid = stored("correct horse battery", Algorithm::Argon2id, 8, 1);
    let valid = valid.expose_secret();
    let change = |from: &str, to: &str| valid.replace(from, to);
    for hostile in [
        change("m=8", "m=4294967295"),
        change("m=8", "m=131073"),
        change("m=8,t=1", "m=131072,t=9"),
        change("m=8,t=1", "m=65537,t=16"),
        change("t=1", "t=4294967295"),
        change("t=1", "t=17"),
        change("t=1", "t=0"),
        change("p=1", "p=0"),
        change("p=1", "p=2"),
        change("p=1", "p=255"),
        change("m=8", "m=0"),
        change("m=8,", ""),
        change("m=8,", "m=8,m=8,"),
        change("p=1", "p=1,x=1"),
        change("argon2id", "scrypt"),
        change("v=19", "v=18"),
        change("p=1", "p=1,data=c29tZQ"),
        change("p=1", "p=1,keyid=c29tZQ"),
        format!("argon2{}", change("argon2id", "scrypt")),
        format!("bcrypt{valid}"),
        format!("{{argon2{valid}"),
        valid.rsplit_once('$').unwrap().0.to_owned(),
        format!("{valid}!"),
        String::new(),
        "argon2".to_owned(),
        "plaintext".to_owned(),
    ] {
        let refused = hasher().verify(&password("x"), &SecretString::from(hostile.as_str()));
        assert_eq!(refused, Err(HashError::Unverifiable), "{hostile}");
    }
}

#[test]
fn debug_output_of_hasher_and_password_has_no_secret() {
    let printed = format!("{:?} {:?}", hasher(), new_password("correct horse battery"));
    assert!(!printed.contains("horse"), "{printed}");
}

#[test]
fn only_costs_that_reach_a_recommendation_are_accepted() {
    for (memory, iterations) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)] {
        assert!(HashParams::new(memory, iterations).is_ok());
        assert!(HashParams::new(memory - 1, iterations).is_err());
    }
    assert!(HashParams::new(19_456, 1).is_err());
    assert!(HashParams::new(131_073, 2).is_err());
    assert!(HashParams::new(19_456, 17).is_err());
    assert!(HashParams::new(131_072, 8).is_ok());
    assert!(HashParams::new(131_072, 9).is_err(), "the product is above its limit");
}

#[test]
fn the_default_cost_is_a_recommendation() {
    let default = HashParams::default();
    assert_eq!(HashParams::new(default.memory_kib(), default.iterations()), Ok(default));
}
