//! What `main` prints when a function does not start.
#![cfg(test)]

use latchkey_http::StartError;

#[test]
fn an_error_prints_as_a_sentence_with_its_causes() {
    let fault = std::io::Error::other("a public key cannot sign");
    let printed =
        format!("{:?}", StartError::from(latchkey_session::StoreError::Unavailable(fault.into())));
    assert_eq!(printed, "the store is unavailable: a public key cannot sign");
    assert_eq!(format!("{:?}", StartError::from("a text")), "a text");
}
