//! Random identifiers: 128 bits from the kernel's generator, as 22 characters of base64url.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{encoding, error::RandomnessError};

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new identifier that nobody can guess.
            ///
            /// # Errors
            /// [`RandomnessError`] when the operating system gives no random bytes.
            pub fn generate() -> Result<Self, RandomnessError> {
                random_text().map(Self)
            }

            /// Takes an identifier from text; `None` unless it is 1 to 64 characters of base64url.
            pub fn parse(text: &str) -> Option<Self> {
                is_identifier(text).then(|| Self(text.to_owned()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if is_identifier(&text) { Ok(Self(text)) } else { Err("not an identifier") }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

random_id! {
    /// Names a user for ever: the `sub` claim. Never reused, unlike a user name.
    UserId
}
random_id! {
    /// Names a session: the `sid` claim of every token that the session was given.
    SessionId
}
random_id! {
    /// Names one token: the `jti` claim.
    TokenId
}
random_id! {
    /// Names one write, so that its author recognises it after a lost reply.
    OperationId
}

/// A write that makes a token names the token too.
impl From<OperationId> for TokenId {
    fn from(id: OperationId) -> Self {
        Self(id.0)
    }
}

const RANDOM_BYTES: usize = 16;
const MAX_CHARS: usize = 64;

fn random_text() -> Result<String, RandomnessError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| RandomnessError)?;
    Ok(encoding::to_base64url(&bytes))
}

fn is_identifier(text: &str) -> bool {
    (1..=MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn generated_identifiers_carry_128_bits_and_do_not_repeat() {
        let ids: HashSet<_> = (0..10_000).map(|_| SessionId::generate().unwrap()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in &ids {
            assert_eq!(encoding::from_base64url(id.as_str()).unwrap().len(), RANDOM_BYTES);
        }
    }

    #[test]
    fn text_with_other_characters_is_no_identifier() {
        let long = "a".repeat(MAX_CHARS + 1);
        for text in ["", "a b", "a#b", "a.b", "ä", "a\n", long.as_str()] {
            assert_eq!(UserId::parse(text), None, "{text:?}");
        }
    }
}
