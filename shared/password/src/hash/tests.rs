use super::*;

fn password(text: &str) -> Password {
    Password::parse(&SecretString::from(text)).unwrap()
}

#[test]
fn a_wrong_password_costs_the_same_hash_with_and_without_an_account() {
    for (memory, iterations) in [(19_456, 2), (12_288, 3)] {
        let hasher = Hasher::new(HashParams::new(memory, iterations).unwrap()).unwrap();
        let stored = hasher.rehash(&password("correct horse battery")).unwrap();
        hasher.computed.lock().unwrap().clear();
        let wrong = password("wrong horse battery");
        assert_eq!(hasher.verify(&wrong, &stored), Ok(Verdict::Mismatch));
        hasher.verify_dummy(&wrong).unwrap();
        let computed = hasher.computed.lock().unwrap();
        let [known, unknown] = &computed[..] else { panic!("{computed:?}") };
        assert_eq!(known, unknown);
        assert_eq!((known.params.m_cost(), known.params.t_cost()), (memory, iterations));
    }
}

#[test]
fn the_memory_is_reused_and_wiped() {
    let hasher = Hasher::new(HashParams::default()).unwrap();
    hasher.verify_dummy(&password("correct horse battery")).unwrap();
    // From the tests of the reference implementation, with 64 MiB.
    let costly =
        "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg";
    hasher.verify(&password("correct horse battery"), &SecretString::from(costly)).unwrap();
    let memory = hasher.memory();
    assert_eq!(memory.len(), 19_456);
    assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
}
