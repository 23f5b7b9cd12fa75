use super::*;
use crate::policy::PasswordPolicy;

fn hasher() -> Hasher {
    Hasher::new(HashParams::default()).unwrap()
}

fn new_password(text: &str) -> NewPassword {
    PasswordPolicy::new(8).accept(&SecretString::from(text), &["bob"]).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(&SecretString::from(text)).unwrap()
}

/// A stored hash of `text` with these parameters, made by the library alone.
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
fn the_right_password_matches_and_every_other_does_not() {
    let hasher = hasher();
    let hash = hasher.hash(&new_password("correct horse battery")).unwrap();
    let verdict = |text| hasher.verify(&password(text), &hash).unwrap();
    assert_eq!(verdict("correct horse battery"), Verdict::Match { needs_rehash: false });
    for other in ["Correct horse battery", "correct horse batter", "correct horse battery "] {
        assert_eq!(verdict(other), Verdict::Mismatch, "{other}");
    }
}

#[test]
fn a_hash_is_argon2id_of_owasps_cost_with_a_salt_of_its_own() {
    let hasher = hasher();
    let [first, second] =
        [(); 2].map(|()| hasher.hash(&new_password("correct horse battery")).unwrap());
    let text = first.expose_secret();
    assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    let salt = PasswordHash::new(text).unwrap().salt.unwrap();
    assert_eq!(salt.as_ref().len(), SALT_BYTES);
    assert_ne!(text, second.expose_secret());
}

#[test]
fn known_answers_of_argon2id_come_out() {
    // From the reference implementation's own tests (src/test.c, Argon2id, v = 0x13).
    for stored in [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
    ] {
        let verdict = hasher().verify(&password("password"), &SecretString::from(stored));
        assert!(matches!(verdict, Ok(Verdict::Match { .. })), "{stored}: {verdict:?}");
    }
}

#[test]
fn a_weaker_stored_hash_still_matches_and_asks_for_a_new_one() {
    let weak = stored("correct horse battery", Algorithm::Argon2id, 8, 1);
    let verdict = hasher().verify(&password("correct horse battery"), &weak);
    assert_eq!(verdict, Ok(Verdict::Match { needs_rehash: true }));
    let again = hasher().hash_again(&password("correct horse battery")).unwrap();
    let verdict = hasher().verify(&password("correct horse battery"), &again);
    assert_eq!(verdict, Ok(Verdict::Match { needs_rehash: false }));
}

#[test]
fn a_stored_hash_of_absurd_cost_or_of_another_kind_is_refused_and_not_computed() {
    let genuine = stored("correct horse battery", Algorithm::Argon2id, 8, 1);
    let genuine = genuine.expose_secret();
    let change = |from: &str, to: &str| genuine.replace(from, to);
    for hostile in [
        change("m=8", "m=4294967295"),
        change("m=8", "m=131073"),
        change("t=1", "t=4294967295"),
        change("t=1", "t=17"),
        change("p=1", "p=255"),
        change("m=8", "m=0"),
        change("m=8,", ""),
        change("argon2id", "argon2d"),
        change("argon2id", "argon2i"),
        change("argon2id", "scrypt"),
        change("v=19", "v=16"),
        change("$v=19", ""),
        change("p=1", "p=1,data=c29tZQ"),
        change("p=1", "p=1,keyid=c29tZQ"),
        genuine.rsplit_once('$').unwrap().0.to_owned(),
        format!("{genuine}!"),
        String::new(),
        "plaintext".to_owned(),
    ] {
        let refused = hasher().verify(&password("x"), &SecretString::from(hostile.as_str()));
        assert_eq!(refused, Err(HashError::Unverifiable), "{hostile}");
    }
}

#[test]
fn the_memory_is_kept_and_wiped() {
    let hasher = hasher();
    hasher.verify_nothing(&password("correct horse battery")).unwrap();
    let kept = hasher.memory();
    assert_eq!(kept.len(), 19_456);
    assert!(kept.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
}

#[test]
fn neither_hasher_nor_password_print() {
    let printed = format!("{:?} {:?}", hasher(), new_password("correct horse battery"));
    assert!(!printed.contains("horse"), "{printed}");
}
